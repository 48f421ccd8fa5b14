"""What looks like a secret in code or text is masked before anything is stored or shown.

Three things are told: values with a shape that only secrets have (`sk-ant-…`, a private key), values
that are given to a name which says so (`password = "…"`, `--token …`), and long quoted strings without
any meaning for a reader. The shapes are those that the services document for their scanners.

It is a net, not a wall: a password in the middle of a sentence passes through it.
"""

import math
import re
from collections import Counter

MASK = "***"
_SHORTEST = 6  # nothing below is worth hiding, or long enough to be told

# Values that are known by themselves, whatever stands before them.
_SHAPES = (
    r"sk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{20,}",  # Anthropic, OpenAI, OpenRouter
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS, the id of a key
    r"gh[pousr]_[A-Za-z0-9]{36,}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{50,}",
    r"glpat-[A-Za-z0-9_.-]{20,}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"xapp-[A-Za-z0-9-]{20,}",
    r"https://hooks\.slack\.com/services/[A-Za-z0-9/_-]{20,}",
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"whsec_[A-Za-z0-9]{24,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    r"(?:AC|SK)[0-9a-f]{32}",  # Twilio
    r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{40,}",
    r"dapi[0-9a-f]{32}(?:-\d)?",  # Databricks
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"hv[sb]\.[A-Za-z0-9_-]{24,}",  # Vault
    r"(?<![0-9])[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}",  # Telegram
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",  # JSON web token
    r"AGE-SECRET-KEY-1[A-Z0-9]{50,}",
)
_SHAPED = re.compile(r"(?<![A-Za-z0-9_])(?:" + "|".join(_SHAPES) + ")")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"(?:(?:(?!-----BEGIN).){0,20000}?-----END [A-Z ]{0,30}PRIVATE KEY-----|[A-Za-z0-9+/=\s#\\]*)",
    re.DOTALL,
)
_IN_URL = re.compile(r"(?<=://)([^\s/:@'\"]*):([^\s/@'\"]+)(?=@)")
_IN_CONNECTION = re.compile(
    r"(?i)\b((?:Account|SharedAccess|Shared)Key|pwd|password|sig)=([^;&\s'\"]{3,200})(?=[;&'\"]|\s\w{1,40}=|\s*$)",
    re.MULTILINE,
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+)([A-Za-z0-9._~+/=-]{12,})")

# Repetitions that another one follows are bounded: what a cell holds may be long, and must not take long.
_NAME = (
    r"[\w.-]{0,40}(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|signing[_-]?key|encryption[_-]?key|credential|auth[_-]?key)s?(?:[_-]?(?:key|id|value))?"
)
_STRING = r"(?P<quote>\"\"\"|'''|\"|')(?P<value>(?:\\.|(?!(?P=quote)).){1,4000}?)(?P=quote)"
# password = "…", password: str = "…", {"password": "…"}, environ["TOKEN"] = "…", setenv("TOKEN", "…")
_GIVEN = re.compile(
    rf"(?is)(?P<before>\b{_NAME}"
    r"(?:[\"']\s{0,4},|[\"']?\s{0,4}\]?(?:\s{0,4}:[\w\[\]|. ]{1,40}?)?\s{0,4}(?:[:=]|==|!=))"
    rf"\s{{0,8}}[rbfu]{{0,2}}){_STRING}"
)
# %env API_KEY=…, export TOKEN=…, TOKEN=… in a file of settings
_ON_A_LINE = re.compile(
    rf"(?im)(?P<before>(?:%(?:set_)?env\s{{1,4}}{_NAME}[=\s]|\bexport\s{{1,4}}{_NAME}=|^\s{{0,8}}(?:[#!]\s{{0,4}}){{0,2}}{_NAME}=))"
    r"(?P<value>[^\s'\"({\[=]{4,})(?=\s|$)"
)
_OPTION = re.compile(
    rf"(?i)(?P<before>(?<!\S)--?{_NAME}[= ]\s{{0,4}})(?P<value>[^\s'\"$({{\[=-][^\s'\"]{{2,}})"
)

_QUOTED = re.compile(r"(?<=[\"'])[A-Za-z0-9+/_=-]{32,}(?=[\"'])")
_LEAST_BITS = 4.2  # a character; English words joined by _ have less, random base64 of 40 some 4.8
_PLACEHOLDERS = re.compile(
    r"(?i)<[^>]*>|\$?\{[\w.]*\}|\*+|x+|\.+|…|none|null|true|false|your[_ -][\w -]*|changeme|"
)
_NUMBER = re.compile(r"[\d_.,]+")  # max_tokens=1024


# What a text must hold before a pattern can find anything: a search for it takes a hundredth of the time.
_SHAPES_HOLD = tuple(
    "sk- AKIA ASIA ABIA ACCA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xox xapp- hooks.slack AIza ya29. "
    "k_live_ k_test_ whsec_ SG. AC SK hf_ npm_ pypi- dapi _v1_ hvs. hvb. :AA eyJ AGE-SECRET".split()
)
_CONNECTIONS_HOLD = ("key=", "pwd=", "password=", "sig=")
_NAMES_HOLD = ("pass", "pwd", "secret", "token", "key", "credential")


def mask(text: str) -> str:
    """Return the text with `***` for what looks like a secret; lines stay as many as they were."""
    if len(text) < _SHORTEST:
        return text
    lower = text.lower()
    if "private key-----" in lower:
        text = _PRIVATE_KEY.sub(_masked_lines, text)
    if _holds(text, _SHAPES_HOLD):
        text = _SHAPED.sub(MASK, text)
    if "://" in text:
        text = _IN_URL.sub(rf"\1:{MASK}", text)
    if _holds(lower, _CONNECTIONS_HOLD):
        text = _IN_CONNECTION.sub(rf"\1={MASK}", text)
    if "bearer" in lower or "basic" in lower:
        text = _BEARER.sub(rf"\1\2{MASK}", text)
    if _holds(lower, _NAMES_HOLD):
        text = _GIVEN.sub(_masked_string, text)
        text = _ON_A_LINE.sub(_masked_word, text)
        text = _OPTION.sub(_masked_word, text)
    return _QUOTED.sub(_masked_noise, text)


def _holds(text: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110 - `any` takes twice the time, and a save asks this 200 times
        if word in text:
            return True
    return False


def _masked_lines(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]+", MASK, found[0])


def _masked_string(found: re.Match[str]) -> str:
    if _PLACEHOLDERS.fullmatch(found["value"]):
        return found[0]
    value = re.sub(r"[^\n]+", MASK, found["value"])
    return f"{found['before']}{found['quote']}{value}{found['quote']}"


def _masked_word(found: re.Match[str]) -> str:
    value = found["value"]
    is_plain = _PLACEHOLDERS.fullmatch(value) or _NUMBER.fullmatch(value)
    return found[0] if is_plain else found["before"] + MASK


def _masked_noise(found: re.Match[str]) -> str:
    value = found[0]
    kinds = sum(any(test(c) for c in value) for test in (str.isdigit, str.isupper, str.islower))
    return MASK if kinds == 3 and _bits(value) >= _LEAST_BITS else value


def _bits(value: str) -> float:
    """Return the entropy of the characters, in bits each (Shannon 1948)."""
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
