"""Secrets of many shapes are masked, and ordinary code is left as it is."""

import pytest

from kosmos_nb.core.masking import MASK, mask

# Put together here, so that no scanner of this repository takes them for real ones.
LONG = "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8s9T0"
HEX = "0123456789abcdef" * 4

# By kind: the code, and the part of it that must be gone.
SECRETS = {
    "Anthropic": (f'Anthropic("sk-ant-api03-{LONG}")', LONG),
    "OpenAI": (f"'sk-proj-{LONG}'", LONG),
    "id of an AWS key": ("x = 'AKIA" + "IOSFODNN7EXAMPLE'", "IOSFODNN7EXAMPLE"),
    "AWS": ('aws_secret = "wJalrXUtnFEMI/K7MDENG/' + 'bPxRfiCYEXAMPLEKEY"', "K7MDENG"),
    "AWS, no name": ('"wJalrXUtnFEMI/K7MDENG/' + 'bPxRfiCYEXAMPLEKEY"', "K7MDENG"),
    "GitHub": (f"ghp_{LONG[:36]}", LONG[:36]),
    "GitHub, fine-grained": (f"github_pat_{LONG}_{LONG}", LONG),
    "GitLab": (f"glpat-{LONG[:20]}", LONG[:20]),
    "Slack": (f"xoxb-123456789012-{LONG}", LONG),
    "Slack hook": (f"https://hooks.slack.com/services/T0/B0/{LONG}", LONG),
    "Google": (f"AIza{LONG[:35]}", LONG[:35]),
    "Stripe": (f"sk_live_{LONG[:24]}", LONG[:24]),
    "SendGrid": (f"SG.{LONG[:22]}.{LONG}", LONG),
    "Twilio": (f"AC{HEX[:32]}", HEX[:32]),
    "Hugging Face": (f"hf_{LONG[:34]}", LONG[:34]),
    "npm": (f"npm_{LONG[:36]}", LONG[:36]),
    "PyPI": (f"pypi-AgEI{LONG}", LONG),
    "Databricks": (f"dapi{HEX[:32]}", HEX[:32]),
    "Telegram": (f"123456789:AA{LONG[:33]}", LONG[:33]),
    "web token": (f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{LONG}", LONG),
    "bearer": (f'{{"Authorization": "Bearer {LONG}"}}', LONG),
    "Azure": (f'"AccountName=me;AccountKey={LONG}==;EndpointSuffix=x"', LONG),
    "URL": ("create_engine('postgresql://me:hunter2@db.example/x')", "hunter2"),
    "private key": ("k = '''-----BEGIN RSA PRIVATE " + "KEY-----\nMIIabc\nxyz'''", "MIIabc"),
    "assigned": ('password = "hunter2"', "hunter2"),
    "annotated": ("passwd: str = 'hunter2'", "hunter2"),
    "compared": ('if token == "hunter2": pass', "hunter2"),
    "argument": ("login(user='me', pwd='hunter2')", "hunter2"),
    "item": ('config = {"api-key": "hunter2"}', "hunter2"),
    "environment": ('os.environ["DB_PASSWORD"] = "hunter2"', "hunter2"),
    "two arguments": ("monkeypatch.setenv('API_TOKEN', 'hunter2')", "hunter2"),
    "several lines": ('SECRET_KEY = """hunter2\nhunter3"""', "hunter3"),
    "%env": ("%env API_KEY=hunter2", "hunter2"),
    "export": ("!export TOKEN=hunter2 && run", "hunter2"),
    "settings": ("%%writefile .env\nDB_PASSWORD=hunter2\n", "hunter2"),
    "connection string": ("connect('host=db password=hunter2 user=me')", "hunter2"),
    "shell": ("!PGPASSWORD=hunter2 psql -h db", "hunter2"),
    "no placeholder": ('password = "yourhunter2"', "hunter2"),
    "in braces": ('password = "{hunter2!}"', "hunter2"),
    "option": ("!tool --password hunter2 --fast", "hunter2"),
    "option with =": ("!tool --api-key=hunter2", "hunter2"),
}


@pytest.mark.parametrize(("code", "secret"), SECRETS.values(), ids=SECRETS)
def test_a_secret_is_masked_wherever_it_stands(code, secret):
    for text in (code, f"import os\n{code}\nprint(os)\n", f"    {code}"):
        masked = mask(text)
        assert secret not in masked
        assert MASK in masked
        assert masked.count("\n") == text.count("\n")
        assert mask(masked) == masked


@pytest.mark.parametrize(
    "code",
    [
        'tokens = text.split(" ")',
        "token = tokens[0]",
        "password = getpass()",
        'api_key = os.environ["API_KEY"]',
        'df["token_count"] = "n"',
        'x = {"secret": None, "token": ""}',
        'token = "<your token>"',
        'tokenizer = load("bert-base-uncased")',
        "generate(prompt, max_tokens=1024)",
        "max_tokens=1024",
        "secrets.token_hex(16)",
        f'sha256 = "{HEX}"',
        'name = "a_very_long_identifier_with_many_words_in_it"',
        'model = "claude-sonnet-4-5-20250929"',
        'url = "https://example.org/a/b?c=1"',
        'print("the password is wrong")',
        "a, token, b = x, y, z",
        'plot(x, token, "r--")',
        "SELECT token, count(*) FROM words GROUP BY token",
        "",
    ],
)
def test_ordinary_code_stays_as_it_is(code):
    assert mask(code) == code


@pytest.mark.parametrize(
    "text",
    ["a." * 50_000, "token = '" * 10_000, "token" + " " * 100_000, "token=" * 20_000, "--token " * 20_000,
     "://a:" * 20_000, "-----BEGIN PRIVATE KEY-----" * 4_000, "sk-" + "a" * 100_000, "'" * 100_000],
)  # fmt: skip
@pytest.mark.timeout(30)  # they take some 50 ms each; where the time grew by the square, minutes
def test_no_text_takes_for_ever(text):
    mask(text)
