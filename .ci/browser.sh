#!/bin/sh
# Chromium for the browser tests, pdftoppm and a Chinese font to look at pages and papers.
command -v chromium >/dev/null && command -v pdftoppm >/dev/null && fc-list 2>/dev/null | grep -qi cjk && exit 0
echo "installing chromium, poppler-utils and fonts-noto-cjk from Debian ..."
SUDO=""
[ "$(id -u)" = 0 ] || SUDO="sudo"
$SUDO apt-get update -qq && $SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium poppler-utils fonts-noto-cjk fontconfig >/dev/null
