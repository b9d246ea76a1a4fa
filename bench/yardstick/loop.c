// The limit: the bytes of a C-ECHO association through one thread and epoll, of which only PDU types are looked at.
//
// usage: loop FOLDER PORT COUNT IN_FLIGHT
//   FOLDER  holds associate.pdu, request.pdu and release.pdu: what is sent, one after the other
//
// Prints as JSON how many associations came to their end, microseconds of CPU (user and system) for each, and how
// many there were a second.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 20000, LONGEST = 4096, STEPS = 3, FIRST_HOST = 0x7f010001, HOSTS = 1 << 14 };

struct pdu { char bytes[LONGEST]; size_t length; };

static const char *const names[STEPS] = {"associate.pdu", "request.pdu", "release.pdu"};
static const char answers[STEPS] = {2, 4, 6}; // A-ASSOCIATE-AC, P-DATA-TF, A-RELEASE-RP (PS3.8 9.3.1)
static struct pdu requests[STEPS];
static signed char step_of[DESCRIPTORS]; // -1 while it connects, then the request that was sent last
static int epoll, port, started, alive, succeeded, failed;

static void load(const char *folder, int step) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, names[step]);
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(2); }
    requests[step].length = fread(requests[step].bytes, 1, LONGEST, file);
    fclose(file);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static void start(void) {
    // Another host each time: local ports would run out while their last associations are in TIME_WAIT.
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    peer.sin_addr.s_addr = htonl((in_addr_t)(FIRST_HOST + started++ % HOSTS));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || fd >= DESCRIPTORS || (connect(fd, (struct sockaddr *)&peer, sizeof peer) && errno != EINPROGRESS)) {
        failed++;
        if (fd >= 0) close(fd);
        return;
    }
    step_of[fd] = -1;
    alive++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void end(int fd, int *counter) {
    close(fd);
    alive--;
    ++*counter;
}

static void next(int fd) {
    struct pdu *request = &requests[(int)++step_of[fd]];
    if (send(fd, request->bytes, request->length, MSG_NOSIGNAL) < 0) end(fd, &failed);
}

static void ready(int fd) {
    char answer[LONGEST];
    if (step_of[fd] < 0) { next(fd); return; }
    ssize_t got = recv(fd, answer, sizeof answer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 6 || answer[0] != answers[(int)step_of[fd]]) end(fd, &failed);
    else if (step_of[fd] == STEPS - 1) end(fd, &succeeded);
    else next(fd);
}

int main(int words, char **word) {
    if (words != 5) { fprintf(stderr, "usage: loop FOLDER PORT COUNT IN_FLIGHT\n"); return 2; }
    for (int step = 0; step < STEPS; step++) load(word[1], step);
    port = atoi(word[2]);
    int count = atoi(word[3]), in_flight = atoi(word[4]);
    epoll = epoll_create1(0);
    struct epoll_event events[256];
    double began = seconds();
    while (succeeded + failed < count) {
        while (alive < in_flight && started < count) start();
        int found = alive ? epoll_wait(epoll, events, 256, 5000) : 0;
        if (alive && !found) break; // the peer hangs
        for (int i = 0; i < found; i++) ready(events[i].data.fd);
    }
    double wall = seconds() - began;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = of(used.ru_utime) + of(used.ru_stime);
    printf("{\"succeeded\": %d, \"cpu_us\": %.2f, \"per_second\": %.0f}\n", succeeded, cpu * 1e6 / count, succeeded / wall);
    return 0;
}
