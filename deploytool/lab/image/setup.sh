#!/bin/sh
# While the image is built: users, sshd, and nothing that two hosts must not share.
set -eu

# Each host makes its own host key when it first starts.
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id

cat >/etc/ssh/sshd_config.d/lab.conf <<'CONFIG'
HostKey /etc/ssh/ssh_host_ed25519_key
MaxStartups 200:30:400
MaxSessions 100
CONFIG

# May use Docker, and become nobody.
useradd --create-home --shell /bin/bash --groups docker deploy
# May become anybody, with the password; may not use Docker by itself.
useradd --create-home --shell /bin/bash --groups sudo sudoer
echo sudoer:sudoer | chpasswd
