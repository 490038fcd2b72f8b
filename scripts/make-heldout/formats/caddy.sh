# caddy: structured JSON, access and server lines in one stream
mkdir -p /srv/www/static/{css,js,img} /srv/www/blog
for w in amber atlas basil birch brook cedar cloud coral crane delta; do for t in css js img; do for e in css js png svg; do head -c $((RANDOM % 20000)) /dev/urandom >/srv/www/static/$t/$w.$e; done; done; done
echo '<h1>shop</h1>' >/srv/www/index.html
cat >/run/Caddyfile <<CONF
{
  admin off
  auto_https off
  log {
    output stdout
    format json
    level DEBUG
  }
}
http://127.0.0.1:8080, http://www.example.com:8080, http://shop.example.com:8080, http://api.example.com:8080 {
  bind 127.0.0.1
  log
  root * /srv/www
  encode gzip
  redir /contact /about 302
  @blocked path /.env /wp-login.php /.git/*
  respond @blocked 403
  reverse_proxy /api/* 127.0.0.1:9001 127.0.0.1:9002 {
    lb_try_duration 1s
    health_uri /api/v2/items/1
    health_interval 5s
  }
  reverse_proxy /account/* 127.0.0.1:9002
  file_server
}
CONF
python3 /opt/heldout/load/upstream.py 9001 51 & a=$!
python3 /opt/heldout/load/upstream.py 9002 52 &
HOME=/var/lib/caddy caddy run --config /run/Caddyfile --adapter caddyfile >$1 2>&1 & sleep 2
python3 /opt/heldout/load/web.py 127.0.0.1:8080 45 25 61 & load=$!
sleep 20; kill $a; wait $load
