/* One handler per client message, grouped by file: handle_hello.c, handle_queue.c, handle_room.c. */
#ifndef GATEWAY_HANDLE_H
#define GATEWAY_HANDLE_H

#include "gateway/conn.h"
#include "gateway/node.h"
#include "proto/decode.h"

struct session;
struct sio_hello;

/* What the handshake said: starts attaching, unless the client wants to send hello first. */
void handle_handshake(struct node *n, struct session *s, const struct conn_handshake *h);
/* What a Socket.IO client's CONNECT said: starts attaching. */
void handle_connect(struct node *n, struct session *s, const struct sio_hello *hello);
void handle_hello(struct node *n, struct session *s, const struct request *request);
void handle_ping(struct node *n, struct session *s, const struct request *request);
void handle_join(struct node *n, struct session *s, const struct request *request);
void handle_leave_queue(struct node *n, struct session *s, const struct request *request);
void handle_confirm(struct node *n, struct session *s, const struct request *request);
void handle_message(struct node *n, struct session *s, const struct request *request);
void handle_player_state(struct node *n, struct session *s, const struct request *request);
void handle_game_data(struct node *n, struct session *s, const struct request *request);
void handle_game_state(struct node *n, struct session *s, const struct request *request);
void handle_leave_room(struct node *n, struct session *s, const struct request *request);
void handle_end_game(struct node *n, struct session *s, const struct request *request);
void handle_turn_deadline(struct node *n, struct session *s, const struct request *request);

#endif
