"""Secrets are found, placeholders are not, and nothing secret is shown."""

import random
import string
import time

import pytest
from hypothesis import given, strategies as st

from crew_actors.survey._secrets import find_secrets, mask, masked

_RANDOM = random.Random(7)


def _any(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_RANDOM.choice(alphabet) for _ in range(length))


# Built here, so that no scanner takes this file for a leak.
_SECRETS = {
    "AWS access key": "AK" + "IA" + _any(16, string.ascii_uppercase + string.digits),
    "GitHub token": "gh" + "p_" + _any(36),
    "GitLab token": "gl" + "pat-" + _any(20),
    "Slack token": "xo" + "xb-" + _any(30),
    "Google API key": "AI" + "za" + _any(35),
    "Stripe key": "sk_" + "live_" + _any(24),
    "OpenAI key": "s" + "k-" + "1" + _any(47),
    "Anthropic key": "sk-" + "ant-" + "_" * 1 + _any(40, string.ascii_letters),
    "npm token": "np" + "m_" + _any(36),
    "PyPI token": "pypi-" + "AgE" + _any(60),
    "SendGrid key": "S" + "G." + _any(22) + "." + _any(43),
    "Hugging Face token": "h" + "f_" + _any(34),
    "JSON web token": "ey" + "J" + _any(20) + ".ey" + "J" + _any(30) + "." + _any(43),
}


@pytest.mark.parametrize("kind", _SECRETS)
def test_a_known_key_is_found_and_masked(kind: str) -> None:
    secret = _SECRETS[kind]
    text = f"# one\nx = 1\nclient({secret!r})\n"
    found = find_secrets(text, text.lower())
    assert [(one.kind, one.line, one.certain) for one in found] == [(kind, 3, True)]
    assert secret not in found[0].shown
    assert found[0].shown == f"{secret[:4]}… ({len(secret)} characters)"
    assert secret not in masked(f"see {secret} there")


def test_a_private_key_is_found_but_not_its_name_alone() -> None:
    head = "-----BEGIN RSA " + "PRIVATE KEY-----"
    text = f"{head}\n{_any(64)}\n"
    assert [one.kind for one in find_secrets(text, text.lower())] == ["private key"]
    bare = f"if line == '{head}':"
    assert find_secrets(bare, bare.lower()) == []
    assert masked(text) == "(a private key)"


def test_a_password_in_a_url_is_found_and_masked() -> None:
    text = "url = 'postgres://bob:Tr0ub4dor@db.internal/x'"
    assert [one.kind for one in find_secrets(text, text.lower())] == [
        "password in a URL"
    ]
    assert "Tr0ub4dor" not in masked(text)


@pytest.mark.parametrize(
    "line",
    [
        "PASSWORD = 'Xk92!mmQ7z'",
        'db_password: "Xk92!mmQ7z"',
        "api_key='Xk92mmQ7zLp0'",
        '"client_secret": "Xk92mmQ7zLp0"',
        'Secret := "Xk92mmQ7zLp0"',
    ],
)
def test_a_password_in_the_source_is_found(line: str) -> None:
    found = find_secrets(line, line.lower())
    assert [one.kind for one in found] == ["password in the source"]
    assert "Xk92" not in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        "password = 'changeme-please'", "password = '${DB_PASSWORD}'", "password = 'your-password'", "api_key = '<insert-here>'",
        "password = 'xxxxxxxxxxxx'", "secret = 'aaaaaaaaaaaa'", "password = os.environ['X']", "password = ''", "token = get_token()",
        "password = 'example123'", "password_field = 'user.password'", "https://user:pass@example.com/", "http://a:${PW}@host/",
        "AKIAIOSFODNN7" + "EXAMPLE", "secret = '/run/secrets/db'", "bypassword='no'", "password: 'SOME_CONSTANT'",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_secret(line: str) -> None:
    assert find_secrets(line, line.lower()) == []


def test_text_whose_lower_case_is_longer_is_searched_all_the_same() -> None:
    text = "İ password = 'Xk92!mmQ7z'"
    assert len(text.lower()) != len(text)
    assert len(find_secrets(text, text.lower())) == 1


@given(st.text(min_size=1))
def test_a_mask_shows_at_most_a_quarter_and_four_characters(value: str) -> None:
    shown = mask(value).partition("…")[0]
    assert len(shown) <= min(4, len(value) / 4) or value.startswith("-----BEGIN")


@given(st.text(alphabet="ab:/@=' password\n"))
def test_text_without_secrets_is_left_alone_or_masked_once(text: str) -> None:
    assert masked(masked(text)) == masked(masked(masked(text)))


@pytest.mark.parametrize(
    "unit",
    [
        "password",
        "secret_",
        "://a:",
        "a_",
        "eyJ",
        "sk-",
        "= 'x",
        "-----BEGIN ",
        "api_key = '",
        "xoxb-",
        "a-a-a-",
    ],
)
def test_hostile_text_costs_linear_time(unit: str) -> None:
    def cost(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        find_secrets(text, text.lower())
        return time.process_time() - start

    small, large = cost(60_000), cost(240_000)
    assert large < 12 * small + 0.5
