"""Web clients on loopback: python3 web.py HOST:PORT SECONDS SESSIONS SEED [PREFIX [SHARE]]; SHARE of the requests goes to the API. Varied people, robots and mistakes; bounded in time."""
import asyncio, base64, random, sys, time
from urllib.parse import quote

host, port = sys.argv[1].split(':'); port = int(port)
seconds, sessions, rng = float(sys.argv[2]), int(sys.argv[3]), random.Random(int(sys.argv[4]))
prefix = sys.argv[5] if len(sys.argv) > 5 else ''
share = float(sys.argv[6]) if len(sys.argv) > 6 else 0
end = time.monotonic() + seconds
WORDS = ('amber atlas basil birch brook cedar cloud coral crane delta ember fable fern flint frost glade grove harbor hazel heron iris ivory '
         'juniper kelp lagoon lark linen lotus maple marble meadow mica mint moss nectar north oak olive onyx opal orchid otter pearl pebble '
         'pine plum poppy quartz quill rain reed ridge river robin rowan sage sand shell slate snow sorrel sparrow spruce stone storm '
         'swift teal thistle tide timber topaz tulip vale velvet violet walnut willow wren zephyr').split()

def agent():
    v, w = rng.randint(96, 131), rng.randint(1, 6)
    return rng.choice([
        f'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.{rng.randint(4000, 6800)}.{rng.randint(20, 200)} Safari/537.36',
        f'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0',
        f'Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0',
        f'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_{rng.randint(1, 7)}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{rng.randint(14, 18)}.{w} Safari/605.1.15',
        f'Mozilla/5.0 (iPhone; CPU iPhone OS {rng.randint(14, 18)}_{w} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{rng.randint(14, 18)}.{w} Mobile/15E148 Safari/604.1',
        f'Mozilla/5.0 (Linux; Android {rng.randint(9, 15)}; {rng.choice(["SM-G991B", "Pixel 7", "M2101K6G", "CPH2211", "SM-A536B"])}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36',
        f'curl/7.{rng.randint(58, 88)}.{w}', f'python-requests/2.{rng.randint(20, 32)}.{rng.randint(0, 3)}', 'Go-http-client/1.1',
        'Mozilla/5.0 (compatible; Examplebot/2.1; +http://www.example.com/bot.html)', f'okhttp/4.{rng.randint(5, 12)}.0'])

def address():
    return f'{rng.choice([5, 23, 31, 46, 62, 77, 84, 91, 102, 118, 141, 156, 178, 185, 193, 203, 212])}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}'

def word(): return WORDS[min(int(rng.expovariate(1 / 22)), len(WORDS) - 1)]

def target(state):
    r = .5 if rng.random() < share else rng.random()
    if r < .28: return 'GET', f'/static/{rng.choice(["css", "js", "img"])}/{word()}.{rng.choice(["css", "js", "png", "svg", "woff2"])}' + (f'?v={rng.randint(10, 60)}.{rng.randint(0, 9)}' if rng.random() < .3 else '')
    if r < .40: return 'GET', f'/products/{word()}-{word()}/{rng.randint(1, 4000)}'
    if r < .48: return 'GET', f'/search?q={quote(word() + " " + word())}&page={1 + int(rng.expovariate(.7))}&sort={rng.choice(["price", "rating", "new"])}'
    if r < .60: return 'GET', f'/api/v{rng.choice([1, 2, 2, 2])}/{rng.choice(["orders", "carts", "users", "items"])}/{rng.randint(1, 90000)}'
    if r < .66: return 'POST', f'/api/v2/{rng.choice(["orders", "carts", "events", "events", "login"])}'
    if r < .69: return rng.choice(['PUT', 'DELETE', 'PATCH']), f'/api/v2/carts/{rng.randint(1, 90000)}'
    if r < .78: return 'GET', rng.choice(['/', '/', '/about', '/blog/', '/contact', '/cart', '/robots.txt', '/favicon.ico', '/sitemap.xml', '/healthz'])
    if r < .84: return 'GET', f'/blog/{rng.randint(2019, 2025)}/{rng.randint(1, 12):02d}/{word()}-{word()}-{word()}.html'
    if r < .88: return 'GET', f'/account/{state["token"]}/orders?since={int(time.time()) - rng.randint(0, 9000000)}'
    if r < .91: return 'GET', f'/admin/{rng.choice(["", "users", "reports", "jobs/" + str(rng.randint(1, 500))])}'
    if r < .93: return 'GET', f'/download/{word()}-{rng.randint(1, 9)}.{rng.randint(0, 20)}.tar.gz'
    if r < .96: return 'GET', rng.choice(['/wp-login.php', '/.env', '/xmlrpc.php', '/phpmyadmin/index.php', '/.git/config', '/cgi-bin/test.cgi', '/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php', '/boaform/admin/formLogin', '/actuator/health', '/solr/admin/info/system?wt=json'])
    if r < .98: return 'HEAD', f'/products/{word()}-{word()}/{rng.randint(1, 4000)}'
    return 'GET', f'/{word()}/%E2%9C%93/{quote("größe " + word())}?x={rng.getrandbits(64):016x}'

async def session():
    while time.monotonic() < end:
        state = {'token': f'{rng.getrandbits(128):032x}', 'agent': agent(), 'ip': address(), 'referer': '-'}
        await asyncio.sleep(rng.expovariate(1 / 2.0))
        source = f'127.{rng.randint(0, 40)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}'
        try: reader, writer = await asyncio.open_connection(host, port, local_addr=(source, 0))
        except OSError: continue
        try:
            if rng.random() < .012:                        # not HTTP at all
                writer.write(rng.choice([b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', b'SSH-2.0-Go\r\n', b'GET / HTTP/9.9\r\n\r\n', b'\x05\x01\x00', b'GET /a b c HTTP/1.1\r\n\r\n']))
                await asyncio.wait_for(reader.read(4096), 2); continue
            for _ in range(1 + int(rng.expovariate(1 / 7))):
                if time.monotonic() > end: break
                method, path = target(state)
                body = b''
                if method in ('POST', 'PUT', 'PATCH'):
                    body = b'{"n":"' + b'x' * int(rng.expovariate(1 / 200) if rng.random() > .01 else 1_200_000) + b'"}'
                head = [f'{method} {prefix}{path} HTTP/1.{rng.choice("1111110")}', f'Host: {rng.choice(["www.example.com", "www.example.com", "shop.example.com", "api.example.com"])}', f'User-Agent: {state["agent"]}',
                        f'X-Forwarded-For: {state["ip"]}', 'Accept: */*', f'Accept-Encoding: {rng.choice(["gzip", "gzip, deflate, br", "identity"])}', 'Connection: keep-alive']
                if state['referer'] != '-': head.append('Referer: https://www.example.com' + state['referer'])
                if '/admin' in path and rng.random() < .7: head.append('Authorization: Basic ' + base64.b64encode(f'{word()}:{word()}'.encode()).decode())
                if '/account' in path: head.append(f'Cookie: sid={state["token"]}; theme={rng.choice(["dark", "light"])}')
                if body: head += [f'Content-Length: {len(body)}', 'Content-Type: application/json']
                writer.write(('\r\n'.join(head) + '\r\n\r\n').encode() + body)
                if rng.random() < .01: break                # gone before the answer
                await writer.drain()
                answer = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 15)
                fields = dict(l.split(': ', 1) for l in answer.decode('latin1').split('\r\n')[1:] if ': ' in l)
                fields = {k.lower(): v for k, v in fields.items()}
                if method != 'HEAD':
                    if 'content-length' in fields: await reader.readexactly(int(fields['content-length']))
                    elif fields.get('transfer-encoding') == 'chunked':
                        while (n := int((await reader.readuntil(b'\r\n')).split(b';')[0], 16)): await reader.readexactly(n + 2)
                        await reader.readuntil(b'\r\n')
                    elif b' 304 ' not in answer and b' 204 ' not in answer: await reader.read()
                if method == 'GET' and '.' not in path: state['referer'] = path
                if fields.get('connection') == 'close': break
                await asyncio.sleep(rng.expovariate(1 / .35))
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, asyncio.LimitOverrunError): pass
        finally: writer.close()

async def main(): await asyncio.gather(*(session() for _ in range(sessions)))
asyncio.run(main())
