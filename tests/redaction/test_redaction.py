"""What is masked, and what is left alone."""

import pytest

from crew_actors.redaction import MASK, is_secret_name, redact

LONG = "q7R" * 400


@pytest.mark.parametrize(
    "name",
    [
        *("token", "TOKEN", "api_key", "apiKey", "API-KEY", "x-api-key", "APIKey"),
        *("password", "PGPASSWORD", "db.passwd", "client_secret", "clientSecret"),
        *("credential", "aws_credentials", "Authorization", "proxy-authorization"),
        *("private_key", "privateKey", "AWS_SECRET_ACCESS_KEY", "auth.token", "apikey"),
        *("DB_PASS", "MYSQL_PWD", "secrets", "passphrase", "GITHUB_TOKEN", "api key"),
    ],
)
def test_a_name_with_the_segment_of_a_secret_is_one(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("secretary", "tokens", "input_tokens", "tokenizer", "passwordless", "key"),
        *("monkey", "keyboard", "token_count", "tokenLimit", "password_file", "pwd"),
        *("token_type", "secret_name", "token_hash", "eos_token", "first_pass", "pass"),
        *("author", "authority", "public_key", "primary_key", "", "...", "OLDPWD"),
        "token" * 100,
    ],
)
def test_a_name_without_one_is_none(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2", "password=***"),
        ("PASSWORD: hunter2 user: bob", "PASSWORD: *** user: bob"),
        ("login password: swordfish", "login password: ***"),
        ('"api_key": "abc def", "b": 1', '"api_key": "***", "b": 1'),
        ("'apiKey' => 'abc'", "'apiKey' => '***'"),
        ('{"password": 123456, "a": 1}', '{"password": "***", "a": 1}'),
        (r"{\"password\": \"x1y2\"}", r"{\"password\": \"***\"}"),
        (r'"password": "a\"b", "c": 1', r'"password": "***", "c": 1'),
        ('x = """; password = """abc"""', 'x = """; password = """***"""'),
        ("password = b'abc1'", "password = b'***'"),
        ('password: "abc(1"', 'password: "***"'),
        ("API key: abc123", "API key: ***"),
        ("environ['API_KEY'] = 'abc1'", "environ['API_KEY'] = '***'"),
        ("/x?access_token=abc1&y=2", "/x?access_token=***&y=2"),
        ("f(token=abc1, x=2)", "f(token=***, x=2)"),
        ("--password hunter2 run", "--password *** run"),
        ('["--token", "abc123"]', '["--token", "***"]'),
        ("--token=abc123", "--token=***"),
        ("<password>hunter2</password>", "<password>***</password>"),
        ("//registry/:_authToken=abc1", "//registry/:_authToken=***"),
        (f"secret={LONG} end", "secret=*** end"),
        (f'secret="{LONG}" end', 'secret="***" end'),
        ('"secrets": ["a1b2", "c d"], "n": 1', '"secrets": ["***"], "n": 1'),
        ("passwords = ['a1b2',\n", "passwords = ['a1b2',\n"),
        ('"x-token": abc1, "y": 2', '"x-token": "***", "y": 2'),
        ('password: "not closed\nnext', 'password: "***\nnext'),
    ],
)
def test_the_value_of_a_secret_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Basic dXNlcjpwYXNz next", "Authorization: Basic *** next"),
        ("authorization: bearer abcdefgh", "authorization: bearer ***"),
        ("Proxy-Authorization: NTLM TlRMTVNT", "Proxy-Authorization: NTLM ***"),
        ("Authorization: a1b2c3d4", "Authorization: ***"),
        ("Authorization: Custom a1b2c3d4", "Authorization: Custom ***"),
        (
            'Authorization: Digest username="bob", response="abcdef"\nHost: h',
            "Authorization: Digest ***\nHost: h",
        ),
        (
            '-H \'Authorization: Digest a="bob", b="abc"\' -v',
            "-H 'Authorization: Digest ***' -v",
        ),
        (
            'curl -H "Authorization: Bearer abcdef123" -H "X-Api-Key: kkk123" u',
            'curl -H "Authorization: Bearer ***" -H "X-Api-Key: ***" u',
        ),
        ('"Authorization": "Bearer abc"', '"Authorization": "Bearer ***"'),
        ('"authorization": "abcdef"', '"authorization": "***"'),
        ("bearer abcdefgh1", "bearer ***"),
        ("a Bearer abcdefgh, b", "a Bearer ***, b"),
        (f"Bearer {LONG}.", "Bearer ***"),
    ],
)
def test_each_authorization_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


def shapes() -> list[str]:
    """Return tokens of known forms. Put together here, so that none stands in a file."""
    run = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    plain = run.upper()[:16]
    return [
        "sk-" + run,
        "sk-ant-" + "api03-" + run,
        "sk_" + "live_" + run,
        "ghp_" + run,
        "github_" + "pat_" + run,
        "glpat-" + run,
        "AKIA" + plain,
        "xoxb-" + run,
        "AIza" + run,
        "npm_" + run,
        "hf_" + run,
        "SG." + run + "." + run,
        "eyJ" + run + ".eyJ" + run + "." + run,
    ]


@pytest.mark.parametrize("token", shapes())
@pytest.mark.parametrize("form", ["{}", "see {} there", "({})", "x={};", '["{}"]'])
def test_a_token_of_a_known_form_is_masked_anywhere(token: str, form: str) -> None:
    assert redact(form.format(token)) == form.format(MASK)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:Tr0ub4dor@host/db", "postgres://u:***@host/db"),
        ("redis://:Tr0ub4dor@host", "redis://:***@host"),
        ("https://a1b2c3d4e5f6g7h8i9@host/x", "https://***@host/x"),
        ("https://bob@host/x", "https://bob@host/x"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
    ],
)
def test_the_password_of_a_url_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


BODY = "\n".join(["MIIEpAIBAAKCAQEA1234567890", "a" * 64, "b/+c" * 16, "abcd=="])
BEGIN, END = "-----BEGIN RSA PRIVATE " + "KEY-----", "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "body",
    [
        f"\n{BODY}\n",
        f"\r\n{BODY}\r\n".replace("\n", "\r\n"),
        "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n" + BODY + "\n",
        "\\n" + BODY.replace("\n", "\\n") + "\\n",
        "\n" + "\n".join("    " + line for line in BODY.splitlines()) + "\n",
        "\n" + ("c" * 64 + "\n") * 1000,
        "\n" + "d" * 70_000 + "\n",
    ],
)
def test_a_private_key_is_masked_whole(body: str) -> None:
    text = f"a\n{BEGIN}{body}{END}\nb"
    assert redact(text) == f"a\n{BEGIN}***{END}\nb"
    quoted = f'private_key: "{BEGIN}{body}{END}", x'
    assert redact(quoted) == f'private_key: "{BEGIN}***{END}", x'


def test_a_private_key_without_an_end_is_masked_too() -> None:
    cut = f"{BEGIN}\n{BODY[:80]}"
    assert redact(cut) == f"{BEGIN}***"
    assert redact(f"{BEGIN} is how it begins") == f"{BEGIN} is how it begins"


@pytest.mark.parametrize(
    "text",
    [
        "The secretary has a key to the office.",
        "the token: the one we need; password: required; secret: none",
        "input_tokens: 123, token_count=5, token: 55, tokens=9000, secrets: 12",
        "token = get_token()",
        "def login(token: str, password: str | None = None) -> Token:",
        'password = os.environ["DB"]',
        "password=$DB_PASS token=${TOKEN} secret={{ x }} api_key=<your key>",
        "api_key=api_key, password=self.password",
        "if token == 1: pass",
        "match token::Kind",
        "auth uses bearer instruments; a bearer delivered letters",
        "Bearer authentication is used",
        "Authorization: required",
        "password=hun… (15 characters)",
        "Authorization: Digest ***",
        "redis://:${PASSWORD}@host, https://${USER}:$TOKEN@host",
        "The authorization: users must log in",
        "disk-cleanup, risk-assessment-report-2024-final, task-12",
        "password=*** Authorization: Bearer ***",
        "https://host/a?b=c",
        "secret://x",
        'x["password"]',
        "password=",
        'password=""',
        "",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text
