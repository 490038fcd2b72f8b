package shop;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;

/** A shop with the usual faults: each failure is a real exception from where it happens. */
public class ShopServlet extends HttpServlet {
  private static final Logger LOG = Logger.getLogger("shop.web");
  private static final Logger DB = Logger.getLogger("shop.storage.OrderRepository");
  private final Map<String, Function<String, Object>> routes = new HashMap<>();
  private final Map<Long, List<String>> carts = new HashMap<>();

  static class OutOfStockException extends RuntimeException {
    OutOfStockException(String sku, Throwable cause) { super("item " + sku + " is out of stock", cause); }
  }

  @Override
  public void init() {
    routes.put("orders", this::order);
    routes.put("carts", this::cart);
    routes.put("users", this::user);
    routes.put("items", this::item);
    LOG.info("routes: " + routes.keySet());
  }

  private Object order(String id) {
    long n = Long.parseLong(id);
    DB.fine(() -> "select order " + n + " took " + (n * 7919 % 83) + " ms, " + (n * 31 % 12) + " rows");
    if (n % 11 == 0) throw new IllegalStateException("order " + n + " is in state " + List.of("VOID", "SENT", "OPEN").get((int) (n / 11 % 3)));
    try {
      return CompletableFuture.supplyAsync(() -> carts.get(n).get((int) (n % 40))).get(n % 13 == 0 ? 0 : 200, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | InterruptedException e) {
      if (n % 3 == 0) throw new OutOfStockException("SKU-" + Long.toHexString(n * 2654435761L), e);
      DB.log(Level.WARNING, "order " + n + " could not be joined with its cart", e);
      return "";
    } catch (TimeoutException e) {
      throw new RuntimeException("order " + n + " timed out", e);
    }
  }

  private Object cart(String id) {
    List<String> lines = carts.computeIfAbsent(Long.valueOf(id), k -> new ArrayList<>());
    for (String line : lines) if (line.length() > 7) lines.remove(line);
    lines.add("item-" + id);
    return lines.stream().collect(Collectors.toMap(l -> l, l -> Integer.valueOf(l.substring(5))));
  }

  private Object user(String id) {
    int n = Integer.parseInt(id) % 9;
    Object name = n < 3 ? Integer.valueOf(n) : "user" + id;
    if (n == 4) return depth(id, 6 + Integer.parseInt(id) % 7);
    if (n == 5) return LocalDate.parse("2025-02-" + (25 + Integer.parseInt(id) % 9));
    return ((String) name).charAt(Integer.parseInt(id) % 11);
  }

  private int depth(String id, int left) { return left == 0 ? new int[3][Integer.parseInt(id) % 4].length / (Integer.parseInt(id) % 2) : depth(id, left - 1) + 1; }

  private Object item(String id) {
    try {
      return Files.readString(Path.of("/srv/shop/items", id + ".json"));
    } catch (IOException e) {
      if (id.endsWith("7")) throw new java.io.UncheckedIOException(e);
      LOG.log(Level.FINE, "item {0} is not cached, the file {1} is missing", new Object[] {id, e.getMessage()});
      return "{}";
    }
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response) throws ServletException, IOException {
    long start = System.nanoTime();
    String path = request.getRequestURI();
    String[] parts = path.split("/");
    if (path.contains("/account/")) request.getSession(true).setMaxInactiveInterval(5);
    if (path.startsWith("/shop/search") && request.getParameter("page").compareTo("4") > 0) throw new ServletException("page " + request.getParameter("page") + " of '" + request.getParameter("q") + "' is too deep", new IllegalArgumentException("page"));
    if (parts.length > 5 && parts[2].equals("api")) {
      try {
        response.getWriter().println(routes.get(parts[4]).apply(parts[5]));
      } catch (OutOfStockException e) {
        response.setStatus(409);
        LOG.log(Level.SEVERE, "request " + request.getRequestId() + " from " + request.getRemoteAddr() + " failed", e);
      }
    }
    LOG.log(Level.INFO, "{0} {1} {2} in {3} us for {4}", new Object[] {request.getMethod(), path, response.getStatus(), (System.nanoTime() - start) / 1000, request.getHeader("X-Forwarded-For")});
  }
}
