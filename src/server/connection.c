/*
 * connection.c - bytes between a socket and rpc.
 *
 * A turn marks connections and flushes each once, so that all that a turn made for
 * a connection goes out in one write.
 */
#include "server/connection.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"

static void connection_close(struct pl_connection *connection, bool gently)
{
    if (connection->closing)
        return;
    connection->closing = true;
    pl_list_remove(&connection->dirty_node);
    if (gently)
        pl_socket_close(connection->socket);
    else
        pl_socket_abort(connection->socket);
}

static void on_read(void *self, struct pl_bytes data)
{
    struct pl_connection *connection = self;

    if (connection->closing)
        return;
    if (pl_rpc_conn_recv(connection->rpc, data, pl_loop_now_ms(connection->io_weak->loop)) < 0) {
        pl_diag(PL_DIAG_DEBUG, "net", "%s broke the protocol", pl_socket_peer(connection->socket));
        pl_connection_flush(connection); /* tells it why */
        connection_close(connection, true);
    }
}

static void on_drained(void *self)
{
    pl_connection_mark(self);
}

static void on_end(void *self, int err)
{
    struct pl_connection *connection = self;

    (void)err;
    connection_close(connection, false);
}

static void on_close(void *self)
{
    struct pl_connection *connection = self;
    struct pl_io_loop *io = connection->io_weak;

    pl_list_remove(&connection->dirty_node);
    pl_list_remove(&connection->node);
    io->connections_len--;
    connection->closing = true;
    pl_rpc_conn_free(connection->rpc);
    pl_list_remove(&connection->dirty_node); /* its calls' ends may have marked it */
    pl_free(connection);
}

void pl_connection_accept(struct pl_io_loop *io, struct pl_socket *socket)
{
    struct pl_connection *connection = NULL;
    int rc = PL_E_LIMIT;

    if (io->connections_len < io->config.config->connections_max && !io->draining) {
        connection = pl_zalloc(sizeof *connection);
        rc = connection == NULL
                 ? PL_E_NOMEM
                 : pl_rpc_conn_new(io->host, pl_loop_now_ms(io->loop), &connection->rpc);
    }
    if (rc < 0) {
        pl_diag(PL_DIAG_WARNING, "net", "%s was turned away: %s", pl_socket_peer(socket),
                pl_err_text(rc));
        pl_free(connection);
        pl_socket_abort(socket);
        return;
    }
    connection->io_weak = io;
    connection->socket = socket;
    pl_list_append(&io->connections, &connection->node);
    pl_list_init(&connection->dirty_node);
    io->connections_len++;
    pl_rpc_conn_set_data(connection->rpc, connection);
    pl_socket_set_ops(socket, &(struct pl_socket_ops){
                                  .self = connection,
                                  .on_read = on_read,
                                  .on_drained = on_drained,
                                  .on_end = on_end,
                                  .on_close = on_close,
                              });
    rc = pl_socket_read_start(socket);
    if (rc < 0) {
        connection_close(connection, false);
        return;
    }
    pl_connection_mark(connection);
}

void pl_connection_mark(struct pl_connection *connection)
{
    if (!connection->closing && pl_list_empty(&connection->dirty_node))
        pl_list_append(&connection->io_weak->dirty, &connection->dirty_node);
}

void pl_connection_flush(struct pl_connection *connection)
{
    struct pl_io_loop *io = connection->io_weak;
    ssize_t size = 0;

    while (!connection->closing && !pl_socket_writing(connection->socket)) {
        size = pl_rpc_conn_fill(connection->rpc, io->send_buf, sizeof io->send_buf);
        if (size <= 0)
            break;
        if (!pl_socket_write(connection->socket, (struct pl_bytes){io->send_buf, (size_t)size}))
            break; /* on_drained goes on */
    }
    if (size < 0 || (size == 0 && pl_rpc_conn_finished(connection->rpc) &&
                     !pl_socket_writing(connection->socket)))
        connection_close(connection, true);
}

void pl_connection_tick(struct pl_connection *connection, int64_t now_ms)
{
    if (connection->closing || now_ms < pl_rpc_conn_due_ms(connection->rpc))
        return;
    if (pl_rpc_conn_tick(connection->rpc, now_ms) < 0) {
        pl_connection_flush(connection);
        connection_close(connection, true);
    }
}
