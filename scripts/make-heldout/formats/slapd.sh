# OpenLDAP: statistics level, BIND, SRCH, MOD, RESULT lines
mkdir -p /run/ldap /run/db
cat >/run/slapd.conf <<CONF
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile /run/ldap/slapd.pid
idletimeout 20
sizelimit 80
database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw PLAIN-admin
directory /run/db
index uid,mail eq,sub
index objectClass eq
access to attrs=userPassword by self write by anonymous auth by * none
access to * by users read by anonymous search
CONF
{ printf 'dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n'; for g in people groups; do printf 'dn: ou=%s,dc=example,dc=com\nobjectClass: organizationalUnit\nou: %s\n\n' $g $g; done
  for i in $(seq 300); do printf 'dn: uid=user%d,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: user%d\ncn: Person %d\nsn: %d\nmail: user%d@example.com\nuserPassword: PLAIN%d\n\n' $i $i $i $i $i $i; done; } >/run/all.ldif
slapadd -f /run/slapd.conf -l /run/all.ldif 2>/dev/null
slapd -f /run/slapd.conf -h ldap://127.0.0.1:1389 -d stats,stats2 >$1 2>&1 & sleep 1.5
u=ldap://127.0.0.1:1389 b=dc=example,dc=com
worker() {
  set +e; RANDOM=$1; end=$((SECONDS + 60))
  while [ $SECONDS -lt $end ]; do
    i=$((RANDOM % 300 + 1)) d="uid=user$((RANDOM % 300 + 1)),ou=people,$b"
    case $((RANDOM % 14)) in
      0|1|2|3) ldapsearch -xH $u -b $b "(&(objectClass=inetOrgPerson)(uid=user$i))" cn mail ;;
      4) ldapsearch -xH $u -b ou=people,$b "(|(mail=user$i*)(cn=*$RANDOM*))" '*' + ;;
      5) ldapsearch -xH $u -D "$d" -w wrong$RANDOM -b $b uid=x ;;
      6|7) ldapsearch -xH $u -D "uid=user$i,ou=people,$b" -w PLAIN$i -b "uid=user$i,ou=people,$b" -s base memberOf ;;
      8) printf 'dn: %s\nchangetype: modify\nreplace: telephoneNumber\ntelephoneNumber: +49 %d\n-\nadd: description\ndescription: n%d\n' "$d" $RANDOM $RANDOM | ldapmodify -xH $u -D cn=admin,$b -w PLAIN-admin ;;
      9) printf 'dn: cn=g%d,ou=groups,%s\nobjectClass: groupOfNames\ncn: g\nmember: %s\n' $((RANDOM % 400)) $b "$d" | ldapadd -xH $u -D cn=admin,$b -w PLAIN-admin ;;
      10) ldapdelete -xH $u -D cn=admin,$b -w PLAIN-admin "cn=g$((RANDOM % 400)),ou=groups,$b" ;;
      11) ldapwhoami -xH $u -D "uid=user$i,ou=people,$b" -w PLAIN$i ;;
      12) ldapsearch -xH $u -b '' -s base '(objectClass=*)' namingContexts ;;
      13) ldappasswd -xH $u -D "uid=user$i,ou=people,$b" -w PLAIN$i -s PLAIN$i ;;
    esac
    sleep .0$((RANDOM % 10))
  done
}
for i in 1 2 3 4; do worker $i >/dev/null 2>&1 </dev/null & w="${w:-} $!"; done; wait $w || true
