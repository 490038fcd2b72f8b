# Sourced: an sshd on loopback, cron, and worker(), a client that does what people and robots do. LOAD_SECONDS bounds it.
mkdir -p /run/sshd; ssh-keygen -A >/dev/null; ssh-keygen -q -t ed25519 -N '' -f /root/key; ssh-keygen -q -t rsa -b 2048 -N '' -f /root/rsa
users='anna ben carla dmitri emre fatima greta hugo'
for u in $users deploy archive; do useradd -m -s /bin/bash $u; echo "$u:PLAIN-$u" | chpasswd; mkdir -p /home/$u/.ssh; cat /root/key.pub /root/rsa.pub >/home/$u/.ssh/authorized_keys; chown -R $u /home/$u; done
usermod -L archive
/usr/sbin/sshd -f /dev/null -p 2222 -o ListenAddress=127.0.0.1 -o LogLevel=VERBOSE -o UsePAM=yes -o UseDNS=no -o MaxAuthTries=4 -o MaxStartups=12:40:30 -o DenyUsers=guest -o Subsystem='sftp internal-sftp -l INFO' -o PermitRootLogin=prohibit-password
cron
o='-p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=QUIET -o ConnectTimeout=4 -o NumberOfPasswordPrompts=3'
pick() { shift $((RANDOM % $#)); echo "$1"; }
from() { echo "127.$((RANDOM % 30)).$((RANDOM % 256)).$((RANDOM % 254 + 1))"; }
names='root root root admin test ubuntu oracle postgres git pi user ftpuser guest support www-data mysql hadoop jenkins nagios minecraft es kafka zabbix ansible steam teamspeak vagrant odoo tomcat dev'
worker() {
  set +e; RANDOM=$1; end=$((SECONDS + ${LOAD_SECONDS:-190}))
  while [ $SECONDS -lt $end ]; do
    u=$(pick $users) a=$(from)
    case $((RANDOM % 20)) in
      0|1|2) ssh $o -b $a -i /root/key $u@127.0.0.1 "true" ;;
      3) ssh $o -b $a -i /root/rsa $u@127.0.0.1 "exit $((RANDOM % 3))" ;;
      4) echo "ls -l /etc
get /etc/passwd /tmp/x$1
put /tmp/x$1 /tmp/up$RANDOM
mkdir /tmp/d$RANDOM" | sftp ${o/-p /-P } -o BindAddress=$a -i /root/key -b - deploy@127.0.0.1 ;;
      5) sshpass -p PLAIN-$u ssh $o -b $a -o PubkeyAuthentication=no $u@127.0.0.1 true ;;
      6) sshpass -p PLAIN-archive ssh $o -b $a archive@127.0.0.1 true ;;
      7) timeout 1 bash -c "exec 3<>/dev/tcp/127.0.0.1/2222; printf 'GET / HTTP/1.1\r\n\r\n' >&3; cat <&3" ;;
      8) timeout 1 bash -c "exec 3<>/dev/tcp/127.0.0.1/2222" ;;
      9) timeout 1 bash -c "exec 3<>/dev/tcp/127.0.0.1/2222; printf 'SSH-2.0-%s\r\n' $(pick Go libssh_0.9.6 paramiko_2.12.0 PUTTY JSCH-0.1.54 Nmap) >&3; sleep .2" ;;
      10) ssh $o -b $a -o Ciphers=aes256-cbc -o KexAlgorithms=diffie-hellman-group14-sha1 $u@127.0.0.1 true ;;
      11) su -s /bin/sh $u -c true ;;
      12|13) sshpass -p "pass$RANDOM" ssh $o -b $a -o PubkeyAuthentication=no $u@127.0.0.1 true ;;
      *) sshpass -p "$(pick 123456 admin password toor $RANDOM)" ssh $o -b $a -o PubkeyAuthentication=no "$(pick $names)$([ $((RANDOM % 4)) = 0 ] && echo $((RANDOM % 99)))"@127.0.0.1 true ;;
    esac
    sleep .$((RANDOM % 4))
  done
}
