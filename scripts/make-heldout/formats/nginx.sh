# nginx: combined access lines with times, and error lines, in one file
web=/srv/www; mkdir -p $web/static/{css,js,img} $web/blog /run/nginx
i=0; for w in amber atlas basil birch brook cedar cloud coral crane delta ember fable fern flint frost glade grove harbor hazel heron; do
  for t in css js img; do for e in css js png svg woff2; do i=$((i + 1)); head -c $((i * 731 % 47000 + 90)) /dev/urandom >$web/static/$t/$w.$e; done; done
done
echo '<h1>shop</h1>' >$web/index.html; echo 'User-agent: *' >$web/robots.txt; printf 'amber:{PLAIN}basil\n' >/etc/nginx/htpasswd
openssl req -x509 -newkey rsa:2048 -nodes -keyout /run/key.pem -out /run/cert.pem -days 30 -subj /CN=www.example.com 2>/dev/null
cat >/run/nginx.conf <<CONF
daemon off; worker_processes 2; pid /run/nginx.pid; error_log /out/nginx.log info; user www-data;
events { worker_connections 512; }
http {
  include /etc/nginx/mime.types; set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;
  log_format timed '\$remote_addr - \$remote_user [\$time_local] "\$request" \$status \$body_bytes_sent "\$http_referer" "\$http_user_agent" \$request_time \$upstream_response_time';
  access_log /out/nginx.log timed; client_max_body_size 1m; proxy_read_timeout 4s; gzip on; gzip_types application/json text/css;
  limit_req_zone \$binary_remote_addr zone=search:1m rate=20r/m;
  upstream app { server 127.0.0.1:9001 max_fails=3 fail_timeout=4s; server 127.0.0.1:9002 max_fails=3 fail_timeout=4s; server 127.0.0.1:9003 backup; }
  server {
    listen 127.0.0.1:8080; listen 127.0.0.1:8443 ssl; ssl_certificate /run/cert.pem; ssl_certificate_key /run/key.pem;
    server_name www.example.com; root $web; index index.html;
    location /api/ { proxy_pass http://app; } location /account/ { proxy_pass http://app; } location /cart { proxy_pass http://app; }
    location /search { limit_req zone=search burst=4 nodelay; proxy_pass http://app; }
    location /admin/ { auth_basic "back office"; auth_basic_user_file /etc/nginx/htpasswd; proxy_pass http://app; }
    location /products/ { proxy_pass http://app; } location ~ /\.git { deny all; } location = /healthz { access_log off; return 204; }
  }
}
CONF
python3 /opt/heldout/load/upstream.py 9001 11 & a=$!
python3 /opt/heldout/load/upstream.py 9002 12 &
nginx -c /run/nginx.conf &
sleep 1
python3 /opt/heldout/load/web.py 127.0.0.1:8080 80 50 21 & load=$!
sleep 40; kill $a; sleep 12; python3 /opt/heldout/load/upstream.py 9001 13 &
for i in $(seq 40); do curl -sk --tlsv1.1 --tls-max 1.1 https://127.0.0.1:8443/ -o /dev/null || true; curl -sk https://127.0.0.1:8443/blog/$i -o /dev/null || true; sleep .2; done
nginx -c /run/nginx.conf -s reload; wait $load
