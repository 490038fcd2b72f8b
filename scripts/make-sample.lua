-- The load of make-sample.sh: visitors who walk through the shop, a few robots, some mistakes. Bounded by wrk's -d.
local browsers = {
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.71 Mobile Safari/537.36",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0",
  "Mozilla/5.0 (compatible; examplebot/2.1; +https://bot.example/about)",
  "python-requests/2.31.0",
  "shop-app/4.2.0 (android)",
}
local words = { "lamp", "chair", "desk", "blue+rug", "shelf", "oak%20table", "mirror", "sofa", "clock", "vase" }
local statics = { "/static/app.3f9c1d.js", "/static/vendor.a81e02.js", "/static/style.77b0aa.css", "/favicon.ico" }
local scans = { "/wp-login.php", "/.env", "/phpmyadmin/index.php", "/cgi-bin/luci", "/old/catalog.html" }

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("seed", threads)
end

local visitors = {}
function init()
  math.randomseed(7 * seed)
  for i = 1, 60 do
    local net = ({ "192.0.2.", "198.51.100.", "203.0.113." })[math.random(3)]
    local ip = net .. math.random(1, 254)
    if i % 9 == 0 then ip = string.format("2001:db8:%x::%x", math.random(1, 65535), math.random(1, 65535)) end
    visitors[i] = { ip = ip, agent = browsers[math.random(#browsers)], at = "/", from = "-", queue = {} }
  end
end

local function product() local a = math.random(400) local b = math.random(400) return math.min(a, b) end

local function walk(v)
  if #v.queue > 0 then return table.remove(v.queue, 1) end
  local r = math.random(100)
  if r <= 14 then
    v.queue = { statics[3], statics[2], statics[1] }
    if math.random(3) == 1 then v.queue[4] = statics[4] end
    return "/"
  elseif r <= 50 then
    local p = product()
    v.queue = { "/img/" .. p .. ".jpg", "/api/stock/" .. p }
    return "/products/" .. p
  elseif r <= 66 then return "/search?q=" .. words[math.random(#words)] .. "&page=" .. math.random(1, 4)
  elseif r <= 74 then return "/cart?session=" .. string.format("%08x%08x", math.random(0, 2147483647), math.random(0, 2147483647))
  elseif r <= 80 then return "/login"
  elseif r <= 85 then return "/account"
  elseif r <= 90 then return "/checkout?order=" .. (100000 + math.random(899999))
  elseif r <= 92 then return "/api/price/" .. product()
  elseif r <= 94 then return "/shop"
  elseif r <= 96 then return scans[math.random(#scans)]
  elseif r <= 98 then return "/health"
  else return "/about" end
end

function request()
  local v = visitors[math.random(#visitors)]
  local path = walk(v)
  local headers = { ["X-Forwarded-For"] = v.ip, ["User-Agent"] = v.agent, ["Host"] = "shop.example" }
  if v.from ~= "-" and math.random(5) > 1 then headers["Referer"] = "https://shop.example" .. v.from end
  if not path:find("^/static") and not path:find("^/img") and not path:find("^/api") then v.from = path end
  if path:find("^/checkout") and math.random(2) == 1 then
    return wrk.format("POST", "/api/orders", headers, '{"cart":' .. math.random(99999) .. "}")
  end
  return wrk.format("GET", path, headers)
end

function delay() return math.random(20, 260) end
