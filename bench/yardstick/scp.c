// A Verification SCP that costs next to nothing: one thread, a listener on a free loopback port for each delay.
//
// usage: scp FOLDER DELAY_US...
//   FOLDER    holds accept.pdu, response.pdu and released.pdu: what is answered, but for AE titles and message ID
//   DELAY_US  microseconds from a C-ECHO request to its response; 0: at once; -1: nothing is ever answered
//
// Prints its ports in one line. At SIGTERM it prints, as JSON, how many echoes it answered and how late it was.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { LISTENERS = 16, CONNECTIONS = 20000, LONGEST = 1024, WAITING = 1 << 16, LATEST_US = 100000 };
enum { ASSOCIATE_RQ = 1, P_DATA = 4, RELEASE_RQ = 5 };                      // PS3.8 9.3.1
enum { AE_TITLES = 10, AE_TITLES_LENGTH = 32, CONTEXT = 10, MESSAGE = 68 }; // places in our PDUs

struct pdu { unsigned char bytes[LONGEST]; int length; };
struct connection { uint32_t generation; int listener, open, length; unsigned char bytes[LONGEST]; };
struct waiting { int64_t due; int fd; uint32_t generation; unsigned char context, message[2]; };
struct listener { int fd; long delay_us; unsigned head, tail; struct waiting queue[WAITING]; };

static struct pdu accept_pdu, response_pdu, released_pdu;
static struct connection connections[CONNECTIONS];
static struct listener listeners[LISTENERS];
static int listener_count, epoll, timer;
static unsigned long echoes, late_us[LATEST_US + 1];
static volatile sig_atomic_t stopping;

static void stop(int number) { (void)number; stopping = 1; }

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void load(const char *folder, const char *name, struct pdu *pdu) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(2); }
    pdu->length = (int)fread(pdu->bytes, 1, sizeof pdu->bytes, file);
    fclose(file);
}

static int listen_for(long delay_us) {
    struct listener *listener = &listeners[listener_count];
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    listener->delay_us = delay_us;
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    // All of 127.0.0.0/8, and nobody from outside.
    if (setsockopt(listener->fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)) perror("scp: not bound to lo");
    if (bind(listener->fd, (struct sockaddr *)&address, length) || listen(listener->fd, 4096)) { perror("scp"); exit(2); }
    getsockname(listener->fd, (struct sockaddr *)&address, &length);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener->fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener->fd, &event);
    listener_count++;
    return ntohs(address.sin_port);
}

static void give(int fd, const unsigned char *bytes, int length) {
    if (send(fd, bytes, (size_t)length, MSG_NOSIGNAL) != length) return; // hung up: its end will be read
}

static void respond(int fd, unsigned char context, const unsigned char *message) {
    response_pdu.bytes[CONTEXT] = context;
    memcpy(response_pdu.bytes + MESSAGE, message, 2);
    give(fd, response_pdu.bytes, response_pdu.length);
    echoes++;
}

static void arm(void) {
    int64_t first = 0;
    for (int i = 0; i < listener_count; i++) {
        struct listener *listener = &listeners[i];
        if (listener->head == listener->tail) continue;
        int64_t due = listener->queue[listener->head % WAITING].due;
        if (!first || due < first) first = due;
    }
    struct itimerspec at = {.it_value = {.tv_sec = first / 1000000000, .tv_nsec = first % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void answer_due(void) {
    uint64_t expirations;
    if (read(timer, &expirations, sizeof expirations) < 0) return;
    for (int i = 0; i < listener_count; i++) {
        struct listener *listener = &listeners[i];
        while (listener->head != listener->tail) {
            struct waiting *next = &listener->queue[listener->head % WAITING];
            int64_t late = now_ns() - next->due;
            if (late < 0) break;
            late_us[late / 1000 < LATEST_US ? late / 1000 : LATEST_US]++;
            if (connections[next->fd].open && connections[next->fd].generation == next->generation)
                respond(next->fd, next->context, next->message);
            listener->head++;
        }
    }
    arm();
}

static void take(int fd, const unsigned char *pdu) {
    struct connection *connection = &connections[fd];
    struct listener *listener = &listeners[connection->listener];
    if (listener->delay_us < 0) return;
    if (pdu[0] == ASSOCIATE_RQ) {
        memcpy(accept_pdu.bytes + AE_TITLES, pdu + AE_TITLES, AE_TITLES_LENGTH);
        give(fd, accept_pdu.bytes, accept_pdu.length);
    } else if (pdu[0] == RELEASE_RQ) {
        give(fd, released_pdu.bytes, released_pdu.length);
    } else if (pdu[0] == P_DATA && listener->delay_us == 0) {
        respond(fd, pdu[CONTEXT], pdu + MESSAGE);
    } else if (pdu[0] == P_DATA) {
        int idle = listener->head == listener->tail;
        listener->queue[listener->tail++ % WAITING] = (struct waiting){
            now_ns() + listener->delay_us * 1000, fd, connection->generation, pdu[CONTEXT], {pdu[MESSAGE], pdu[MESSAGE + 1]}};
        if (idle) arm(); // the others of its listener are due earlier
    }
}

static void hang_up(int fd) {
    connections[fd].open = 0;
    connections[fd].generation++;
    close(fd);
}

static void readable(int fd) {
    struct connection *connection = &connections[fd];
    ssize_t got = recv(fd, connection->bytes + connection->length, (size_t)(LONGEST - connection->length), 0);
    if (got < 0 && errno == EAGAIN) return; // the event was for an earlier connection of this number
    if (got <= 0) { hang_up(fd); return; }
    connection->length += (int)got;
    int start = 0;
    while (connection->length - start >= 6) {
        unsigned char *pdu = connection->bytes + start;
        uint32_t length = 6 + ((uint32_t)pdu[2] << 24 | pdu[3] << 16 | pdu[4] << 8 | pdu[5]);
        if (length > LONGEST || pdu[0] > RELEASE_RQ) { hang_up(fd); return; }
        if (length > (uint32_t)(connection->length - start)) break;
        take(fd, pdu);
        start += (int)length;
    }
    connection->length -= start;
    memmove(connection->bytes, connection->bytes + start, (size_t)connection->length);
}

static void greet(int number) {
    int fd;
    while ((fd = accept4(listeners[number].fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS) { close(fd); continue; }
        connections[fd].listener = number;
        connections[fd].length = 0;
        connections[fd].open = 1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int percentile_us(double share) {
    unsigned long total = 0, seen = 0;
    for (int us = 0; us <= LATEST_US; us++) total += late_us[us];
    for (int us = 0; us <= LATEST_US; us++)
        if ((seen += late_us[us]) >= (unsigned long)(share * (double)total)) return us;
    return LATEST_US;
}

int main(int count, char **words) {
    if (count < 3 || count > 2 + LISTENERS) { fprintf(stderr, "usage: scp FOLDER DELAY_US...\n"); return 2; }
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL); // without SA_RESTART: epoll_wait returns
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    // It stands for other machines, which do not wait for this one's processors. Only root may say so.
    struct sched_param priority = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_FIFO, &priority);
    load(words[1], "accept.pdu", &accept_pdu);
    load(words[1], "response.pdu", &response_pdu);
    load(words[1], "released.pdu", &released_pdu);
    epoll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = timer};
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
    for (int i = 2; i < count; i++) printf("%d ", listen_for(atol(words[i])));
    printf("\n");
    fflush(stdout);
    struct epoll_event events[256];
    while (!stopping) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd, number = 0;
            while (number < listener_count && listeners[number].fd != fd) number++;
            if (fd == timer) answer_due();
            else if (number < listener_count) greet(number);
            else if (connections[fd].open) readable(fd);
        }
    }
    printf("{\"echoes\": %lu, \"late_p50_us\": %d, \"late_p99_us\": %d}\n", echoes, percentile_us(0.5), percentile_us(0.99));
    return 0;
}
