# PostgreSQL 15: statements with durations, checkpoints, autovacuum, locks, deadlocks, errors
pg=/usr/lib/postgresql/15/bin; db=/var/lib/postgresql/15/main; rm -rf $db; mkdir -p /run/postgresql; chown postgres /run/postgresql; touch $1; chown postgres $1
as() { setpriv --reuid postgres --regid postgres --clear-groups env HOME=/var/lib/postgresql "$@"; }
as $pg/initdb -D $db -A trust >/dev/null
cat >>$db/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
log_line_prefix = '%m [%p] %q%u@%d (%a) %h '
log_min_duration_statement = 0
log_statement = 'ddl'
log_connections = on
log_disconnections = on
log_checkpoints = on
log_lock_waits = on
deadlock_timeout = 200ms
log_temp_files = 0
log_autovacuum_min_duration = 0
autovacuum_naptime = 5s
checkpoint_timeout = 30s
work_mem = 256kB
fsync = off
log_timezone = 'Europe/Berlin'
CONF
as $pg/postgres -D $db >>$1 2>&1 & server=$!
sleep 3; as createdb -h 127.0.0.1 shop; as createdb -h 127.0.0.1 billing; as psql -qh 127.0.0.1 shop -c 'create role app login superuser' -c 'create role report login'
as $pg/pgbench -h 127.0.0.1 -iq -s 3 shop 2>/dev/null
as psql -qh 127.0.0.1 -U app billing <<SQL
create table customer(id serial primary key, email text unique, name text, city text, since timestamptz default now());
create table invoice(id bigserial primary key, customer int references customer, total numeric(10,2) check (total >= 0), state text, at timestamptz default now(), note jsonb);
insert into customer(email, name, city) select 'user' || i || '@example.com', 'Name ' || md5(i::text), (array['Bonn','Oslo','Porto','Turin','Gent'])[i % 5 + 1] from generate_series(1, 4000) i;
create index on invoice(customer, at);
SQL
cat >/run/a.sql <<'SQL'
\set c random(1, 4200)
\set t random(-300, 90000)
\set s random(1, 40)
select id, email, city from customer where id = :c;
insert into invoice(customer, total, state, note) values (:c, :t / 100.0, 'open', jsonb_build_object('items', :s, 'ref', md5(:t::text)));
update invoice set state = 'paid' where customer = :c and state = 'open' and total < :t;
SQL
cat >/run/b.sql <<'SQL'
\set c random(1, 4000)
\set d random(1, 30)
select c.city, count(*), sum(i.total) from invoice i join customer c on c.id = i.customer where i.at > now() - make_interval(mins => :d) group by 1 order by 3 desc;
select * from (select *, rank() over (partition by customer order by total desc) r from invoice) x where r <= :d order by note->>'ref', total limit 50;
select name from customer where email like '%' || :c || '%@example.com' order by name;
SQL
cat >/run/c.sql <<'SQL'
\set a random(1, 40)
\set b random(1, 40)
begin;
update customer set city = 'Lyon' where id = :a;
update customer set city = 'Kiel' where id = :b;
commit;
SQL
bench() { as timeout 60 $pg/pgbench -h 127.0.0.1 -n -T 22 "$@" >/dev/null 2>&1 || true; }
export PGAPPNAME=api; bench -U app -c 3 -R 14 -f /run/a.sql billing & w1=$!
PGAPPNAME=report bench -U app -c 2 -R 3 -f /run/b.sql billing & w2=$!
PGAPPNAME=worker bench -U app -c 6 -R 40 --max-tries=2 -f /run/c.sql billing & w3=$!
PGAPPNAME=bench bench -M prepared -c 3 -R 18 shop & w4=$!
PGAPPNAME=legacy bench -C -c 1 -R 3 -S shop & w5=$!
for i in $(seq 70); do
  case $((RANDOM % 9)) in
    0) q="selec * from customer where id = $RANDOM" ;; 1) q="select * from orders_$RANDOM" ;; 2) q="insert into customer(id, email) values ($((RANDOM % 4000 + 1)), 'x$RANDOM@example.com')" ;;
    3) q="select 1 / (id - $((RANDOM % 4000))) from customer" ;; 4) q="set statement_timeout = 40; select count(*) from invoice a, invoice b" ;; 5) q="create table t$i as select * from customer where id % $((RANDOM % 50 + 2)) = 0" ;;
    6) q="alter table customer add column if not exists c$i int default $i" ;; 7) q="select '$RANDOM-13-45'::date" ;; 8) q="copy customer to '/nowhere/$RANDOM.csv'" ;;
  esac
  PGAPPNAME=psql as psql -qh 127.0.0.1 -U $([ $((RANDOM % 5)) = 0 ] && echo nobody$((RANDOM % 30)) || echo app) billing -c "$q" >/dev/null 2>&1 || true
done
wait $w1 $w2 $w3 $w4 $w5; as $pg/pg_ctl -D $db stop -m fast >/dev/null
