"use strict";
/* What a page does beyond being read: curves of all units to sort and choose from, and, where `tuneful watch` serves
   it, its own renewal. Everything is built from texts, never from markup, so that names are only ever names. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 198, HEIGHT = 140.4, LEFT = 41.6, RIGHT = 8, TOP = 7, BOTTOM = 30; // as the figures beside it, in points
const MOST_SHOWN = 12;
const PAUSE = 2000; // ms between two questions for a newer page
const chosen = { units: null, sort: null, descending: false, filters: {}, shared: false }; // survives a renewal

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function shown(value) {
  return value === null ? "–" : Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
}

/* ---- curves ---- */

function browseCurves() {
  const content = document.getElementById("tuneful-curves"), section = document.getElementById("all-curves");
  if (!content || !section) return;
  const about = JSON.parse(content.textContent);
  section.hidden = false;
  const places = {};
  for (const name of ["filters", "units", "chosen", "said"]) places[name] = section.querySelector(`[data-part=${name}]`);
  chosen.units ??= about.units.slice(0, 1).map((unit) => unit.name);
  const columns = [
    { key: "name", title: "Unit", of: (unit) => unit.name },
    ...about.properties.map((title, i) => ({ key: `property ${i}`, title, of: (unit) => unit.properties[i] })),
    { key: "mean", title: `Mean (${about.unit})`, of: (unit) => unit.mean, numeric: true },
    { key: "modulation", title: `Modulation (${about.unit})`, of: (unit) => unit.modulation, numeric: true },
    { key: "apart", title: `From nearest (${about.unit})`, of: (unit) => unit.apart, numeric: true },
  ];

  function visible() {
    const kept = about.units.filter((unit) =>
      about.properties.every((_, i) => !chosen.filters[i] || unit.properties[i] === chosen.filters[i]));
    const column = columns.find((one) => one.key === chosen.sort);
    if (!column) return kept;
    const sign = chosen.descending ? -1 : 1;
    return [...kept].sort((a, b) => {
      const [x, y] = [column.of(a), column.of(b)];
      if (x === null || y === null) return (x === null) - (y === null); // what is not defined comes last
      return sign * (column.numeric ? x - y : x.localeCompare(y, "en", { numeric: true }));
    });
  }

  function choose(name, wanted) {
    chosen.units = chosen.units.filter((other) => other !== name);
    if (wanted) chosen.units = [...chosen.units, name].slice(-MOST_SHOWN);
    for (const box of places.units.querySelectorAll("input")) box.checked = chosen.units.includes(box.value);
    drawCurves();
  }

  function drawCurves() {
    const curves = chosen.units.map((name) => about.units.find((unit) => unit.name === name)).filter(Boolean);
    const common = chosen.shared ? limits(curves) : null;
    places.chosen.replaceChildren(...curves.map((unit) => figure(about, unit, common ?? limits([unit]))));
    places.said.textContent = curves.length ? "" : "No unit is chosen.";
  }

  function listUnits() {
    const rows = visible().map((unit) => {
      const box = element("input", { type: "checkbox", value: unit.name });
      box.checked = chosen.units.includes(unit.name);
      box.addEventListener("change", () => choose(unit.name, box.checked));
      const [, ...rest] = columns;
      return element("tr", {}, element("th", { scope: "row" }, element("label", {}, box, ` ${unit.name}`)),
        ...rest.map((column) => element("td", column.numeric ? { class: "num" } : {},
          column.numeric ? shown(column.of(unit)) : column.of(unit))));
    });
    const heads = columns.map((column) => {
      const button = element("button", { type: "button" }, column.title);
      const isSorted = chosen.sort === column.key;
      button.append(element("span", { "aria-hidden": "true" }, isSorted ? (chosen.descending ? " ↓" : " ↑") : ""));
      button.addEventListener("click", () => {
        Object.assign(chosen, { sort: column.key, descending: isSorted && !chosen.descending });
        listUnits();
        places.units.querySelectorAll("thead button")[columns.indexOf(column)].focus();
      });
      const head = element("th", { scope: "col", ...(column.numeric ? { class: "num" } : {}) }, button);
      if (isSorted) head.setAttribute("aria-sort", chosen.descending ? "descending" : "ascending");
      return head;
    });
    const table = element("table", {}, element("caption", { class: "unseen" }, "Units and what their curves are like"),
      element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
    places.units.replaceChildren(table);
  }

  function filters() {
    const made = about.properties.map((title, i) => {
      const values = [...new Set(about.units.map((unit) => unit.properties[i]))];
      values.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      const select = element("select", {}, element("option", { value: "" }, "all"),
        ...values.map((value) => element("option", { value }, value)));
      select.value = chosen.filters[i] ?? "";
      select.addEventListener("change", () => { chosen.filters[i] = select.value; listUnits(); });
      return element("label", {}, `${title} `, select);
    });
    const shared = element("input", { type: "checkbox" });
    shared.checked = chosen.shared;
    shared.addEventListener("change", () => { chosen.shared = shared.checked; drawCurves(); });
    const none = element("button", { type: "button" }, "Choose none");
    none.addEventListener("click", () => { chosen.units = []; listUnits(); drawCurves(); });
    places.filters.replaceChildren(...made, element("label", {}, shared, " one vertical axis for all"), none);
  }

  filters();
  listUnits();
  drawCurves();
}

function limits(units) {
  const ends = units.flatMap((unit) => unit.rates.map((rate, i) =>
    rate === null ? [] : [rate - (unit.errors?.[i] ?? 0), rate + (unit.errors?.[i] ?? 0)]).flat());
  const values = [...ends, ...units.flatMap((unit) => unit.model ?? []), 0];
  const low = 1.1 * Math.min(...values), high = 1.1 * Math.max(...values);
  return [low, high > low ? high : low + 1];
}

function figure(about, unit, [low, high]) {
  const [first, last] = about.logarithmic ? about.limits.map(Math.log) : about.limits;
  const x = (place) => LEFT + (WIDTH - LEFT - RIGHT) * ((about.logarithmic ? Math.log(place) : place) - first) / (last - first);
  const y = (rate) => HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (rate - low) / (high - low);
  const said = `Measured and nearest generated curve of unit ${unit.name}`;
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": said, "font-size": "8" });
  const line = (x1, y1, x2, y2, colour) => svg.append(drawn("line", { x1, y1, x2, y2, stroke: `var(--${colour})`, "stroke-width": .7 }));
  const text = (tx, ty, words, anchor = "middle", more = {}) =>
    svg.append(drawn("text", { x: tx, y: ty, "text-anchor": anchor, fill: "var(--ink)", ...more }, words));
  for (const bound of about.bounds) line(x(bound), TOP, x(bound), HEIGHT - BOTTOM, "rule");
  line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, "muted");
  line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "muted");
  for (const [place, name] of about.ticks) text(x(place), HEIGHT - BOTTOM + 10, name);
  for (const level of roundLevels(low, high)) {
    line(LEFT - 3, y(level), LEFT, y(level), "muted");
    text(LEFT - 5, y(level) + 2.8, String(level).replace("-", "−"), "end");
  }
  text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, about.x);
  text(0, 0, about.y, "middle", { transform: `translate(9 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)` });
  const path = (rates) => rates.map((rate, i) => rate === null ? "" :
    `${i === 0 || about.breaks.includes(i) || rates[i - 1] === null ? "M" : "L"}${x(about.places[i]).toFixed(1)} ${y(rate).toFixed(1)}`).join("");
  const draw = (rates, colour, width) => svg.append(drawn("path",
    { d: path(rates), fill: "none", stroke: `var(--${colour})`, "stroke-width": width }));
  draw(unit.rates, "ink", .8);
  unit.rates.forEach((rate, i) => {
    if (rate === null) return;
    const error = unit.errors?.[i];
    if (error) line(x(about.places[i]), y(rate - error), x(about.places[i]), y(rate + error), "ink");
    svg.append(drawn("circle", { cx: x(about.places[i]), cy: y(rate), r: about.places.length > 40 ? .9 : 1.6, fill: "var(--ink)" }));
  });
  if (unit.model) draw(unit.model, "end", 1.5);
  const note = unit.apart === null ? "no generated curve" : `${shown(unit.apart)} ${about.unit} apart`;
  return element("figure", {}, element("figcaption", {}, `Unit ${unit.name}`,
    element("span", { class: "small" }, [...unit.properties, note].join(", "))), svg);
}

function roundLevels(low, high) {
  const rough = (high - low) / 3, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((one) => one * power >= rough) ?? 10), levels = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) levels.push(Number((i * step).toPrecision(6)));
  return levels;
}

/* ---- renewal ---- */

function watch() {
  const root = document.documentElement;
  if (!root.dataset.watch) return;
  let lastStep = null;

  function tick() {
    const place = document.getElementById("since");
    if (place) place.textContent = lastStep === null ? "" : ` Last step ${duration((Date.now() - lastStep) / 1000)} ago.`;
  }

  async function ask() {
    try {
      const answer = await fetch("version", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const now = await answer.json();
      say(now.status);
      lastStep = now.since === null ? null : Date.now() - 1000 * now.since;
      if (now.version !== root.dataset.watch) await renew();
    } catch {
      lastStep = null;
      say("tuneful watch does not answer; this page goes on by itself when it runs again.");
    }
    tick();
    setTimeout(ask, document.hidden ? 5 * PAUSE : PAUSE);
  }

  async function renew() {
    const answer = await fetch("./", { cache: "no-store" });
    if (!answer.ok) return;
    const made = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!made.documentElement.dataset.watch) return;
    const open = [...document.querySelectorAll("details")].map((one) => one.open);
    const focused = document.activeElement?.tagName === "SUMMARY" ? [...document.querySelectorAll("summary")].indexOf(document.activeElement) : -1;
    const place = window.scrollY, isNews = made.getElementById("status")?.dataset.state !== document.getElementById("status")?.dataset.state;
    document.title = made.title;
    document.body.replaceChildren(...[...made.body.childNodes].map((node) => document.adoptNode(node)));
    root.dataset.watch = made.documentElement.dataset.watch;
    document.querySelectorAll("details").forEach((one, i) => { one.open = open[i] ?? one.open; });
    document.querySelectorAll("summary")[focused]?.focus({ preventScroll: true });
    browseCurves();
    window.scrollTo(0, place);
    if (isNews) announce();
  }

  function announce() { // read aloud when a run ends or begins, not at every step
    const region = element("p", { role: "status", class: "unseen" });
    document.body.append(region);
    setTimeout(() => { region.textContent = document.getElementById("status")?.textContent ?? ""; }, 100);
  }

  function say(words) {
    const place = document.querySelector("#status .words");
    if (place && place.textContent !== words) place.textContent = words;
  }

  setTimeout(ask, PAUSE);
  setInterval(tick, 1000);
}

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

browseCurves();
watch();
