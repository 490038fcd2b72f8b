"""SQL of applications: python3 sql.py schema|shop|wiki SEED, on standard output, with pauses as a person makes them."""
import random, sys, time

kind, rng = sys.argv[1], random.Random(int(sys.argv[2]))
W = 'amber basil birch brook cedar cloud coral crane delta ember fable fern flint frost glade grove harbor hazel heron iris juniper kelp lagoon lark maple mica nectar oak olive onyx opal pearl plum quartz reed river sage slate storm thistle topaz velvet willow zephyr'.split()
def w(): return W[min(int(rng.expovariate(1 / 12)), len(W) - 1)]
def text(n): return ' '.join(w() for _ in range(n))
if kind == 'schema':
    print('use shop; create table items(id int primary key auto_increment, sku varchar(40) unique, name text, price decimal(8,2), stock int); create table orders(id bigint primary key auto_increment, user int, state varchar(10), total decimal(9,2), placed datetime, key(user)); create table lines_(order_id bigint, item int, n int, key(order_id));')
    print('use wiki; create table page(id int primary key auto_increment, title varchar(120), rev int, touched varchar(14)); create table revision(id int primary key auto_increment, page int, actor int, body mediumtext, stamp varchar(14)); create table job(id int primary key auto_increment, cmd varchar(60), params blob, token varchar(32));')
    for i in range(900): print(f"insert into shop.items values (null, 'SKU-{rng.getrandbits(40):010X}', '{text(3)}', {rng.randint(99, 99999) / 100}, {rng.randint(0, 400)});" + (f"insert into wiki.page values (null, '{w().title()}_{w()}', {i}, '2025{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(0, 235959):06d}');" if i % 3 == 0 else ''))
    sys.exit()
for _ in range(rng.randint(3, 30)):
    user, item, r = rng.randint(1, 9000), rng.randint(1, 950), rng.random()
    if kind == 'shop':
        out = ["SET NAMES utf8mb4"] if r < .1 else []
        if r < .45: out.append(f"SELECT `items`.`id`, `items`.`name`, `items`.`price` FROM `items` WHERE `items`.`name` LIKE '%{w()}%' AND `items`.`price` BETWEEN {rng.randint(1, 90)} AND {rng.randint(91, 999)} ORDER BY `items`.`price` {rng.choice(['ASC', 'DESC'])} LIMIT {rng.choice([10, 20, 50])} OFFSET {rng.randint(0, 9) * 10}")
        elif r < .7:
            n = [(rng.randint(1, 950), rng.randint(1, 5)) for _ in range(rng.randint(1, 5))]
            out += ['START TRANSACTION', f"INSERT INTO `orders` (`user`, `state`, `total`, `placed`) VALUES ({user}, 'new', {rng.randint(500, 90000) / 100:.2f}, '{time.strftime('%Y-%m-%d %H:%M:%S')}')"]
            out += [f"INSERT INTO `lines_` VALUES (LAST_INSERT_ID(), {i}, {k})" for i, k in n] + [f"UPDATE `items` SET `stock` = `stock` - {k} WHERE `id` = {i} AND `stock` >= {k}" for i, k in n] + [rng.choice(['COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK'])]
        elif r < .9: out.append(f"SELECT o.id, o.state, SUM(l.n * i.price)\n  FROM orders o JOIN lines_ l ON l.order_id = o.id\n  JOIN items i ON i.id = l.item\n WHERE o.user = {user} /* {w()}:{rng.getrandbits(32):08x} */\n GROUP BY o.id")
        elif r < .96: out.append(f"UPDATE `orders` SET `state` = '{rng.choice(['paid', 'sent', 'back', 'void'])}' WHERE `id` = {rng.randint(1, 3000)}")
        else: out.append(rng.choice([f"SELECT * FROM item_{w()}", f"INSERT INTO items VALUES ({item}, NULL, 'it''s {text(2)}', 'x', 0)", "SHOW FULL PROCESSLIST", "SHOW STATUS LIKE 'Threads%'"]))
    else:
        stamp = time.strftime('%Y%m%d%H%M%S')
        out = [f"SELECT /* Title::newFromRow */ id, title, rev FROM `page` WHERE title = '{w().title()}_{w()}' LIMIT 1"]
        if r < .4: out.append(f"SELECT /* RevisionStore::load */ r.id, r.actor, r.stamp, p.title FROM `revision` r JOIN `page` p ON p.id = r.page WHERE p.id = {rng.randint(1, 300)} ORDER BY r.id DESC LIMIT {rng.choice([1, 1, 51])}")
        elif r < .6: out += [f"INSERT INTO `revision` (page, actor, body, stamp) VALUES ({rng.randint(1, 300)}, {user}, '== {w().title()} ==\\n{text(rng.randint(4, 60))}.\\n* [[{w()}]] \\'\\'{w()}\\'\\' <ref>{w()} {rng.randint(1900, 2025)}</ref>', '{stamp}')", f"UPDATE `page` SET touched = '{stamp}', rev = LAST_INSERT_ID() WHERE id = {rng.randint(1, 300)}"]
        elif r < .8: out.append(f"INSERT INTO `job` (cmd, params, token) VALUES ('{rng.choice(['refreshLinks', 'htmlCacheUpdate', 'sendMail', 'cdnPurge'])}', 'a:2:{{s:5:\"title\";s:{rng.randint(4, 20)}:\"{w()}\";s:2:\"ts\";i:{int(time.time())};}}', '{rng.getrandbits(128):032x}')")
        else: out += [f"SELECT id, cmd FROM `job` WHERE token > '{rng.getrandbits(24):06x}' ORDER BY id LIMIT 1 FOR UPDATE", f"DELETE FROM `job` WHERE id = {rng.randint(1, 900)}"]
    for q in out: print(q + ';', flush=True)
    time.sleep(rng.expovariate(8))
