# MariaDB: general query log of a shop with several applications
db=/var/lib/mysql; rm -rf $db; mkdir -p $db /run/mysqld; chown -R mysql $db /run/mysqld; touch $1; chown mysql $1
mariadb-install-db --user=mysql --datadir=$db >/dev/null 2>&1
mariadbd --user=mysql --datadir=$db --socket=/run/mysqld/mysqld.sock --bind-address=127.0.0.1 --general-log --general-log-file=$1 --innodb-flush-log-at-trx-commit=0 >/dev/null 2>&1 &
for i in $(seq 40); do mariadb -e 'select 1' >/dev/null 2>&1 && break; sleep .3; done
mariadb -e "create database shop; create database wiki; create user app@'%' identified by 'PLAIN-app'; grant all on *.* to app@'%'; create user app@localhost identified by 'PLAIN-app'; grant all on *.* to app@localhost; create user wiki@localhost identified by 'PLAIN-wiki'; grant all on wiki.* to wiki@localhost"
python3 /opt/heldout/load/sql.py schema 1 | mariadb
for i in 1 2 3 4 5; do
  (for j in $(seq 22); do python3 /opt/heldout/load/sql.py shop $i$j | mariadb -f -h 127.0.0.1 -uapp -pPLAIN-app shop >/dev/null 2>&1 || true; sleep .$((RANDOM % 9)); done) &
  (for j in $(seq 16); do python3 /opt/heldout/load/sql.py wiki $i$j | mariadb -f -uwiki -pPLAIN-wiki wiki >/dev/null 2>&1 || true; sleep 1.$((RANDOM % 9)); done) &
  workers="${workers:-} $!"
done
for j in $(seq 12); do sleep 2; mariadb -h 127.0.0.1 -uroot$j -pwrong -e 'select 1' 2>/dev/null || true; mariadb-dump --single-transaction shop items >/dev/null; done
wait $workers || true; sleep 6; mariadb-admin shutdown
