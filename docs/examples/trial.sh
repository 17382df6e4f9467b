#!/bin/sh
# A mail server and an OpenID provider on this machine, for trials of both; Ctrl+C stops them.
# What to enter in the platform: docs/handbooks/operations.zh-CN.md, “在本机试用邮件和统一身份认证”.
#   .venv/bin/pip install aiosmtpd==1.4.6 oidc-provider-mock==0.3.4
set -eu
PY=${PY:-.venv/bin/python}

"$PY" -u -m aiosmtpd -n -l "127.0.0.1:${MAIL_PORT:-8025}" -c aiosmtpd.handlers.Debugging stdout &
mail=$!
"$PY" -W ignore -m oidc_provider_mock -p "${PROVIDER_PORT:-9400}" -n true \
    --user-claims '{"sub": "su", "name": "苏晓禾", "id_number": "340000198503129020"}' \
    --user-claims '{"sub": "bai", "name": "柏小满", "id_number": "340000199205179024"}' \
    --user-claims '{"sub": "school", "name": "云桥区青禾小学", "uscc": "12340602DEM00006XU"}' &
provider=$!
trap 'kill "$mail" "$provider" 2>/dev/null || true; wait' EXIT
trap 'exit 0' INT TERM
wait
