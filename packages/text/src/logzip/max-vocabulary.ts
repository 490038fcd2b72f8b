/**
 * Common vocabulary of logs, read by the model of texts before a chunk: messages of the C library and of well-known
 * programs, words of log messages, HTTP, browsers, Java and Python. It is a part of the file format.
 */
const LINES: readonly string[] = [
  'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun',
  'INFO WARN ERROR DEBUG FATAL TRACE NOTICE WARNING CRITICAL info warn error debug fatal trace notice warning critical',
  ': Operation not permitted\n: No such file or directory\n: Input/output error\n: Permission denied\n: Device or resource busy',
  ': File exists\n: Not a directory\n: Is a directory\n: Invalid argument\n: Too many open files\n: No space left on device',
  ': Broken pipe\n: Resource temporarily unavailable\n: Address already in use\n: Network is unreachable\n: Connection reset by peer',
  ': Connection timed out\n: Connection refused\n: No route to host\n: Cannot allocate memory\n: Operation not supported',
  'Failed to open file \0: No such file or directory\nUnable to connect to server \0: Connection refused\nCould not find \0',
  'connection closed by remote host\nconnection established\nconnection from \0 port \0\nConnection to \0 lost, trying to reconnect',
  'Accepted connection from \0:\0\nClosing connection to client \0\nReceived request from \0, sending response',
  'sshd[\0]: Failed password for invalid user \0 from \0 port \0 ssh2\nsshd[\0]: Accepted publickey for root from \0 port \0 ssh2',
  'sshd[\0]: pam_unix(sshd:session): session opened for user root by (uid=0)\nsession closed for user root',
  'authentication failure;',
  'Disconnected from user root \0 port \0\nConnection closed by \0 [preauth]',
  'systemd[1]: Started Session \0 of user root.\nsystemd[1]: Starting \0...\nCRON[\0]: (root) CMD (run-parts /etc/cron.hourly)',
  'kernel: usb \0: new high-speed USB device number \0 using ehci_hcd\nkernel: eth0: link up, 100Mbps, full-duplex',
  'kernel: CPU\0: Intel(R) Xeon(R) CPU @ \0GHz stepping \0\nkernel: Memory: \0k/\0k available\nkernel: PCI: Using ACPI for IRQ routing',
  'startup succeeded\nshutdown succeeded\nstarted\nstopped\nrestarting\ninitialized\nterminated\nexiting on signal \0',
  'ntpd[\0]: synchronized to \0, stratum \0\ndhclient: DHCPREQUEST on eth0 to \0 port 67\nnamed[\0]: listening on IPv4 interface lo, \0#53',
  'postfix/smtpd[\0]: connect from unknown[\0]\nsendmail[\0]: from=<root@localhost>, size=\0, class=0, nrcpts=1, msgid=<\0>',
  '"GET / HTTP/1.1" 200 \0 "-" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/\0 Safari/537.36"',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1 Safari/605.1.15',
  'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0\nMozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko',
  'Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0; .NET CLR 2.0.50727; .NET CLR 3.5.30729)',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 12_0 like Mac OS X) AppleWebKit/604.1 (KHTML, like Gecko) Version/12.0 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)\nMozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
  'curl/7.29.0\npython-requests/2.18.4\nApache-HttpClient/4.5 (Java/1.8.0)\nWget/1.12 (linux-gnu)\nGo-http-client/1.1',
  'http://www.google.com/search?q=\nhttps://www.example.com/index.php?id=\nPOST /api/v1/users HTTP/1.1\nHEAD /favicon.ico HTTP/1.0\n/robots.txt',
  '/images/ /static/css/style.css /js/jquery.min.js /wp-content/themes/ /wp-login.php /admin/ .html .php .jpg .png .gif .txt .tar.gz application/json text/html; charset=UTF-8',
  '{"time":"\0","level":"info","msg":"request","method":"GET","path":"/","status":200,"duration":\0,"remote_addr":"\0","user_agent":"-","bytes":\0,"host":"\0"}',
  '"id":\0,"name":"\0","type":"\0","message":"\0","timestamp":\0,"requests":\0,"responses":{"total":\0},"sent":\0,"received":\0,"state":"up","server":"\0"',
  'java.lang.NullPointerException\njava.io.IOException: Connection reset by peer\njava.net.ConnectException: Connection refused\njava.lang.InterruptedException: sleep interrupted',
  '\tat java.lang.Thread.run(Thread.java:\0)\n\tat java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:\0)\n\tat sun.reflect.NativeMethodAccessorImpl.invoke0(Native Method)',
  'Traceback (most recent call last):\n  File "/usr/lib/python3/dist-packages/\0", line \0, in <module>\nValueError: invalid literal\nKeyError: \nTypeError: ',
  'request response received sending sent reading writing read write open close create created delete deleted update updated remove removed add added',
  'start stop starting stopping begin end complete completed success successful failed failure fail error errors exception invalid unknown unexpected missing not found',
  'user users server client host address port socket session connection network interface process thread task job queue worker service daemon module driver device',
  'file directory path size bytes length count number total free used available memory cache buffer disk block sector page heap swap cpu load time timeout seconds ms',
  'value key name type id config configuration option parameter property default enabled disabled enable disable set get null true false none yes no is was has been',
  'the for in of and with on by at this that not will be are can cannot could does did while after before during because than more less now new old next last first',
  'node cluster leader follower replica partition topic offset broker container application resource manager master slave state status transition from to version',
  'message messages event events packet packets interrupt register parity exception core memory instruction data address cache hardware component unit level source',
  'com.google.android. com.apple. com.microsoft. org.apache. org.eclipse.jetty. org.springframework.web. io.netty.channel. javax.servlet.http.HttpServlet',
  '/usr/local/bin/ /usr/lib/ /usr/sbin/ /etc/ /var/log/ /var/run/ /var/lib/ /home/ /tmp/ /dev/null /proc/ /System/Library/PrivateFrameworks/ C:\\Windows\\system32\\',
  '0x00000000 00:00:00 127.0.0.1 192.168.0.1 10.0.0.1 0.0.0.0 255.255.255.255 [HRESULT = 0x00000000 - S_OK] 8080 localhost localdomain (null) (pid=\0) uid=0 [INFO] <info>',
]

/** The vocabulary in bytes; the last is a newline. */
export function vocabulary(): Uint8Array {
  return Uint8Array.from(`${LINES.join('\n')}\n`, (c) => c.charCodeAt(0))
}
