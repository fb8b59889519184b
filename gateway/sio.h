/* What is to be known of a connection that speaks Socket.IO: the packets around the events.
 *
 * Engine.IO's handshake goes out when the connection opens; the session begins with the client's CONNECT
 * packet and ends with its DISCONNECT, or with the connection. Until it is welcomed the client is told
 * nothing but, at most once, why it may not connect (44): what its library cannot deliver yet it would keep
 * for the next connection. */
#ifndef GATEWAY_SIO_H
#define GATEWAY_SIO_H

#include "gateway/conn.h"
#include "gateway/resume.h"
#include "proto/encode.h"

struct settings;

/* Says 0{...}; sio_close frees what it made. Both for connections of that dialect only; sio_close may be
 * called on all. */
void sio_open(const struct settings *set, struct conn *c, const struct conn_handshake *h);
void sio_close(struct conn *c);

struct sio_hello { /* what a CONNECT packet says, and the query where it says nothing; borrowed */
    struct str token, player_id;
    struct resume resume;
};
enum sio_packet {
    SIO_EVENT,      /* for dispatch */
    SIO_CONNECT,    /* *hello is filled: a session begins */
    SIO_DISCONNECT, /* the session ends, the connection stays for a while */
    SIO_BINARY,     /* an event with attachments, which are thrown away: to be refused under *id */
    SIO_DONE,       /* dealt with, or the connection is being closed */
};
enum sio_packet sio_read(struct conn *c, struct str text, struct sio_hello *hello, int64_t *id);

/* Is it a Socket.IO client that has not been welcomed? Then tell.c is silent, but for sio_refuse. */
bool sio_connecting(const struct conn *c);
/* 44, once; not for what may succeed later, since Socket.IO's client never tries again after it. */
void sio_refuse(struct conn *c, const struct encode_error *e);
/* 40: the client is connected, under this socket id. */
void sio_connected(struct conn *c, const char *socket_id, const struct resume *session, bool recovered);
/* 41: the client must not come back by itself. */
void sio_disconnect(struct conn *c);

#endif
