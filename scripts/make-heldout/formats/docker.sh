# Docker's json-file logs of three containers (Redis, a web application, a batch job), one after the other
mkdir -p /var/lib/docker; mount -t tmpfs -o size=600m,mode=711 tmpfs /var/lib/docker
mount -t sysfs -o ro sysfs /sys; mount -t tmpfs cgroup /sys/fs/cgroup
for c in devices memory pids freezer cpu; do mkdir -p /sys/fs/cgroup/$c; mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c 2>/dev/null || true; done
dockerd --storage-driver=vfs --bridge=none --iptables=false --ip-forward=false --ip-masq=false --userland-proxy=false >/dev/null 2>&1 & engine=$!
for i in $(seq 50); do docker info >/dev/null 2>&1 && break; sleep .4; done
mkdir -p /run/image/{usr,etc,proc,dev,sys,tmp,opt,srv,data}; cp -a /etc/. /run/image/etc/; for l in bin sbin lib lib64; do ln -s usr/$l /run/image/$l; done
tar -C /run/image -c . | docker import - base:1 >/dev/null
start() { docker run -d --name $1 --network host -v /usr:/usr:ro -v /opt/heldout:/opt/heldout:ro -v /srv:/srv:ro --log-opt max-size=50m --log-opt labels=team --label team=shop -e PYTHONUNBUFFERED=1 base:1 "${@:2}" >/dev/null; }
start cache redis-server --port 6380 --loglevel verbose --dir /data --save 5 10 --appendonly yes --auto-aof-rewrite-min-size 64kb --maxmemory 6mb --maxmemory-policy allkeys-lru --slowlog-log-slower-than 50
start shop node /opt/heldout/load/app.cjs 8080 winston
start batch python3 /opt/heldout/load/batch.py 6380 30
sleep 1; timeout 60 python3 /opt/heldout/load/web.py 127.0.0.1:8080 30 9 95 || true
docker stop -t 2 cache shop batch >/dev/null
for c in cache shop batch; do cat $(docker inspect -f '{{.LogPath}}' $c); done >$1
docker rm -f cache shop batch >/dev/null; kill $engine; wait $engine || true
