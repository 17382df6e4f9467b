#!/bin/sh
# Chromium and Firefox for the browser tests, pdftoppm and a Chinese font to look at pages and papers.
# Chromium's headless shell needs half the processor time of a Chromium that could also show windows.
has() { command -v "$1" >/dev/null; }
firefox() { has firefox-esr || has firefox; }
has chromium-headless-shell && firefox && has pdftoppm && fc-list 2>/dev/null | grep -qi cjk && exit 0
SUDO=""
[ "$(id -u)" = 0 ] || SUDO="sudo"
echo "installing Chromium, Firefox, poppler-utils and fonts-noto-cjk from Debian ..."
install() { $SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null; }
$SUDO apt-get update -qq && install poppler-utils fonts-noto-cjk fontconfig \
  && { install chromium-headless-shell || has chromium || install chromium; } \
  && { firefox || install firefox-esr || install firefox; }
