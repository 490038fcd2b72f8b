# strace -f -tt of git, gcc, make and python at work
mkdir -p /srv/src && cd /srv/src && git init -q . && git config user.email dev@example.com && git config user.name dev
for i in $(seq 12); do printf '#include <stdio.h>\n#include <string.h>\nint f%d(int x) { char b[64]; snprintf(b, sizeof b, "%%d", x * %d); return (int)strlen(b); }\n' $i $i >m$i.c; done
{ for i in $(seq 12); do echo "int f$i(int);"; done; echo 'int main(void) { return f1(3) + f7(9) > 99; }'; } >main.c
printf 'app: %s main.o\n\tcc -o $@ $^\n' "$(seq -f 'm%g.o' -s ' ' 12)" >Makefile
trace() { strace -f -tt -T -s 48 -A -o $1 "${@:2}" >/dev/null 2>&1 || true; }
trace $1 git add -A; trace $1 git -c maintenance.auto=0 commit -qm first; trace $1 make -j2 app; trace $1 git status
trace $1 python3 -c 'import json, sqlite3, http.client, urllib.request; c = sqlite3.connect("/tmp/a.db"); c.execute("create table t(a,b)"); c.executemany("insert into t values(?,?)", [(i, str(i*i)) for i in range(900)]); c.commit(); print(c.execute("select sum(a) from t").fetchone())'
sed -i 's/x \*/x +/' m3.c m5.c; trace $1 git diff --stat; trace $1 git commit -qam second; trace $1 git log -p; trace $1 ls -lR /etc/systemd /etc/postfix; trace $1 grep -r -l listen /etc/nginx /etc/redis /etc/haproxy; trace $1 curl -s http://127.0.0.1:9/
trace $1 postconf -n; trace $1 perl -MFile::Find -e 'find(sub { -s $_ }, "/etc/ssh", "/etc/apt", "/usr/share/perl5/Debconf")'; trace $1 openssl req -x509 -newkey rsa:1024 -nodes -keyout k.pem -out c.pem -subj /CN=a; trace $1 git show --stat HEAD; trace $1 tar czf /tmp/a.tgz /etc/nginx /etc/ssl/openssl.cnf
