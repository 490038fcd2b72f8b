# Prometheus with its Alertmanager and node exporter: logfmt at debug level; targets that answer, fail, time out and go; rules, reloads, alerts
mkdir -p /var/lib/prometheus/data
prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --log.level=debug >>$1 2>&1 &
prometheus-alertmanager --config.file=/etc/prometheus/alertmanager.yml --storage.path=/run/am --web.listen-address=127.0.0.1:9093 --cluster.listen-address= --log.level=debug >>$1 2>&1 & am=$!
python3 /opt/heldout/load/upstream.py 9001 71 & a=$!
python3 /opt/heldout/load/upstream.py 9002 72 &
cat >/run/rules.yml <<CONF
groups:
- name: node
  interval: 2s
  rules:
  - {alert: Down, expr: up == 0, for: 3s, labels: {severity: page}, annotations: {text: '{{ \$labels.instance }} is down'}}
  - {record: 'instance:load:avg', expr: 'avg by (instance) (node_load1)'}
  - {record: 'job:bad:sum', expr: 'node_load1 / on (job) group_left node_cpu_seconds_total'}
CONF
cat >/run/prometheus.yml <<CONF
global: {scrape_interval: 1s, scrape_timeout: 800ms, evaluation_interval: 2s}
rule_files: [/run/rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:9093']}]}]}
remote_write: [{url: 'http://127.0.0.1:9001/api/v2/events'}]
scrape_configs:
- job_name: node
  static_configs: [{targets: ['127.0.0.1:9100', '127.0.0.1:9093']}]
- job_name: shop
  metrics_path: /api/v2/items/1
  static_configs: [{targets: ['127.0.0.1:9001', '127.0.0.1:9002'$(for i in $(seq 3 40); do printf ", '127.0.%d.%d:9100'" $((i % 5)) $i; done)]}]
- job_name: mail
  scrape_interval: 5s
  file_sd_configs: [{files: [/run/sd/*.json], refresh_interval: 5s}]
- job_name: slow
  scheme: https
  dns_sd_configs: [{names: ['node.internal.example', 'cache.internal.example'], type: A, port: 9100, refresh_interval: 6s}]
CONF
mkdir /run/sd; set +e; echo '[{"targets": ["mail1.example.com:9100"]}]' >/run/sd/a.json
prometheus --config.file=/run/prometheus.yml --storage.tsdb.path=/var/lib/prometheus/data --web.listen-address=127.0.0.1:9090 --web.enable-lifecycle --log.level=debug --log.format=logfmt >>$1 2>&1 & sleep 4
for i in $(seq 75); do
  echo "[{\"targets\": [$(for j in $(seq $((RANDOM % 9 + 1))); do printf '"mail%d.example.com:9100",' $((RANDOM % 30)); done | sed 's/,$//')]$([ $((i % 11)) = 0 ] && echo ,,)}]" >/run/sd/a.json
  curl -s "http://127.0.0.1:9090/api/v1/query_range?query=rate(node_cpu_seconds_total%5B${i}s%5D)&start=$i&end=9&step=0" -o /dev/null || true
  case $i in 12) kill $a ;; 20) kill $am ;; 25) python3 /opt/heldout/load/upstream.py 9001 73 & ;; 30) curl -sX POST http://127.0.0.1:9090/-/reload ;; 40) echo broken: [ >/run/rules.yml; curl -sX POST http://127.0.0.1:9090/-/reload -o /dev/null ;; esac
  sleep 1
done
