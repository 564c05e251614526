"""A page runs our own script, and no other."""

import base64
import hashlib
import re

from tuneful.report.answers.page import AnswerPage
from tuneful.report.document import policy

HOSTILE = "</script><script>alert('x')</script>"


def test_a_browser_is_told_to_run_our_script_only():
    table = {"versions": {}, "settings": {HOSTILE: HOSTILE}, "command": HOSTILE}
    page = AnswerPage(HOSTILE, HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)], [], table).render()
    assert page.count("<script") == 2
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy()
    assert re.search('http-equiv="Content-Security-Policy" content="default-src', page)
    assert "unsafe-eval" not in policy()
    assert "script-src 'unsafe-inline'" not in policy()
