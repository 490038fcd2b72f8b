"""Mail clients on loopback: python3 mail.py SECONDS SEED."""
import imaplib, poplib, random, smtplib, sys, time

end, rng = time.monotonic() + float(sys.argv[1]), random.Random(int(sys.argv[2]))
W = 'report order invoice meeting travel budget plan photo ticket build release draft review contract offer'.split()
def user(): return f'user{min(60, 1 + int(rng.expovariate(1 / 18)))}@example.{rng.choice(["com", "com", "net"])}'
def source(): return (f'127.{rng.randint(1, 30)}.{rng.randint(0, 99)}.{rng.randint(1, 254)}', 0)
def smtp():
    s = smtplib.SMTP('127.0.0.1', 2525, local_hostname=rng.choice(['mx1.remote.example.org', 'out.shop.example', 'laptop', f'host-{rng.randint(1, 99)}.isp.example', '[127.0.0.1]', 'bad_host!']), source_address=source(), timeout=10)
    if rng.random() < .3:
        try: s.login(user(), 'PLAIN-mail' if rng.random() < .8 else 'wrong')
        except smtplib.SMTPException: pass
    for _ in range(1 + int(rng.expovariate(1.2))):
        to = [rng.choice([user(), user(), user(), user(), 'sales@example.com', 'info@example.net', f'nobody{rng.randint(1, 400)}@example.com', f'{rng.choice(W)}@far.example.org']) for _ in range(1 + int(rng.expovariate(1)))]
        sender = rng.choice([f'{rng.choice(W)}{rng.randint(1, 200)}@shop.example', f'bounce+{rng.getrandbits(40):010x}@news.example', user(), '', 'local'])
        body = f'From: <{sender}>\r\nTo: <{to[0]}>\r\nSubject: {rng.choice(W)} {rng.randint(1, 9999)}\r\nMessage-ID: <{rng.getrandbits(64):016x}.{int(time.time())}@{rng.choice(["shop.example", "mx1.remote.example.org", "news.example"])}>\r\n\r\n' + 'text line\r\n' * int(rng.lognormvariate(4, 1.2))
        s.sendmail(sender, to, body)
        time.sleep(rng.expovariate(20))
    s.quit() if rng.random() < .9 else s.close()
def imap():
    m = imaplib.IMAP4('127.0.0.1', 1143)
    m.login(user(), 'PLAIN-mail' if rng.random() < .85 else f'guess{rng.randint(1, 99)}')
    m.select(); n = m.search(None, 'ALL')[1][0].split()
    if rng.random() < .2: m.create(rng.choice(W))
    for k in n[:rng.randint(0, 9)]:
        m.fetch(k, '(RFC822.HEADER)')
        if rng.random() < .3: m.copy(k, rng.choice(W))
        if rng.random() < .6: m.store(k, '+FLAGS', '\\Deleted')
    if rng.random() < .7: m.expunge()
    m.logout() if rng.random() < .9 else m.shutdown()
def pop():
    p = poplib.POP3('127.0.0.1', 1110); p.user(user()); p.pass_('PLAIN-mail')
    for k in range(1, min(p.stat()[0], rng.randint(0, 5)) + 1):
        p.retr(k)
        if rng.random() < .7: p.dele(k)
    p.quit()
while time.monotonic() < end:
    try: rng.choice([smtp, smtp, smtp, imap, pop])()
    except (OSError, smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto): pass
    time.sleep(rng.expovariate(8))
