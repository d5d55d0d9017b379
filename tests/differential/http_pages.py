"""A server of the tests that hands out pages: HTTP/1.1 on a free loopback port, a thread a connection."""
import http.server, threading


class Pages(http.server.BaseHTTPRequestHandler):
    """What answers one connection; do_GET is its user's."""
    protocol_version = "HTTP/1.1"

    def answer(self, content_type, body, status=200, headers=()):
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if content_type:
            self.send_header("Content-Type", content_type)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that hang up


def serve(handler):
    """Starts a server of `handler`; its port."""
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]
