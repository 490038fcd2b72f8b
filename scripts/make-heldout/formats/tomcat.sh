# Tomcat 10 on Java 17: java.util.logging lines and stack traces with causes, from a web application under load
base=/var/lib/tomcat10; mkdir -p $base/webapps/shop /run/t/{logs,temp,work,conf}; cp -r /etc/tomcat10/. /run/t/conf/; mkdir -p /run/t/webapps; cp -r /opt/heldout/load/tomcat /run/t/webapps/shop
javac -cp /usr/share/tomcat10/lib/servlet-api.jar:/usr/share/tomcat10/lib/jsp-api.jar -d /run/t/webapps/shop/WEB-INF/classes /run/t/webapps/shop/WEB-INF/classes/*.java
sed -i 's/port="8005"/port="-1"/; s/port="8080"/port="8080" address="127.0.0.1" maxThreads="14"/' /run/t/conf/server.xml
cat >/run/t/conf/logging.properties <<CONF
handlers = java.util.logging.ConsoleHandler
.level = INFO
shop.level = FINE
org.apache.catalina.session.level = FINE
java.util.logging.ConsoleHandler.level = FINE
java.util.logging.ConsoleHandler.formatter = org.apache.juli.OneLineFormatter
CONF
cd /run/t
java -Xmx160m -Djava.util.logging.config.file=/run/t/conf/logging.properties -Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager -Dcatalina.home=/usr/share/tomcat10 -Dcatalina.base=/run/t -Djava.io.tmpdir=/run/t/temp \
  -cp /usr/share/tomcat10/bin/bootstrap.jar:/usr/share/tomcat10/bin/tomcat-juli.jar org.apache.catalina.startup.Bootstrap start >$1 2>&1 & server=$!
for i in $(seq 60); do curl -s http://127.0.0.1:8080/shop/ -o /dev/null && break; sleep .5; done
python3 /opt/heldout/load/web.py 127.0.0.1:8080 55 45 81 /shop .6 & load=$!
sleep 15; mkdir webapps/broken; mkdir webapps/broken/WEB-INF; echo '<web-app><servlet></web-app>' >webapps/broken/WEB-INF/web.xml
sleep 10; touch webapps/shop/WEB-INF/web.xml; wait $load; kill $server; wait $server || true
