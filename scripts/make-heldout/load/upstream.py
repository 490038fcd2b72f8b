"""A small application on loopback: python3 upstream.py PORT SEED. Answers with varied sizes, delays and failures."""
import asyncio, random, sys

port, rng = int(sys.argv[1]), random.Random(int(sys.argv[2]))
async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b'\r\n\r\n')).decode('latin1')
            line = head.split('\r\n')[0].split(' ')
            for l in head.lower().split('\r\n'):
                if l.startswith('content-length:'): await reader.readexactly(int(l[15:]))
            path, r = line[1], rng.random()
            await asyncio.sleep(min(rng.lognormvariate(-5 if '/items' in path else -4, 1.2), 5))
            if r < .006: break                              # dies without an answer
            if r < .012: await asyncio.sleep(8)             # too slow for the proxy
            status = '500 Internal Server Error' if r < .03 else '404 Not Found' if r < .10 else '201 Created' if line[0] == 'POST' else '401 Unauthorized' if 'account' in path and r < .3 else '302 Found' if '/cart' == path else '200 OK'
            size = int(rng.lognormvariate(6.5, 1.3)) % 90000
            writer.write(f'HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n'.encode() + (b'' if line[0] == 'HEAD' else b'a' * size))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, ValueError): pass
    finally: writer.close()
async def main():
    async with await asyncio.start_server(serve, '127.0.0.1', port) as s: await s.serve_forever()
asyncio.run(main())
