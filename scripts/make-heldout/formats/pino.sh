# Node's Fastify with Pino: JSON lines, nested objects, errors with stacks inside
node /opt/heldout/load/app.cjs 8080 pino >$1 & server=$!
sleep 2; timeout 60 python3 /opt/heldout/load/web.py 127.0.0.1:8080 45 40 91 '' .3; kill $server
