/* Preloaded into a process, this makes the disk slow: what waits for it to be written waits SLOW_DISK_MS longer, as long
 * as there is a file SLOW_DISK_WHILE.
 *
 *     cc -shared -fPIC -O2 -o slow_disk.so slow_disk.c
 *     SLOW_DISK_MS=1500 SLOW_DISK_WHILE=/tmp/slow LD_PRELOAD=$PWD/slow_disk.so mqbroker ... */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    const char *file = getenv("SLOW_DISK_WHILE"), *text = getenv("SLOW_DISK_MS");
    if (!file || !text || access(file, F_OK)) return;
    long ms = atol(text);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left)) {}
}

/* The next definition of the function that we stand before; looked up at its first call. */
#define NEXT(result, name, ...)                                                                                       \
    static result (*next)(__VA_ARGS__);                                                                                \
    if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

int fsync(int descriptor) {
    NEXT(int, "fsync", int);
    wait_for_the_disk();
    return next(descriptor);
}

int fdatasync(int descriptor) {
    NEXT(int, "fdatasync", int);
    wait_for_the_disk();
    return next(descriptor);
}

int msync(void *address, size_t length, int flags) {
    NEXT(int, "msync", void *, size_t, int);
    wait_for_the_disk();
    return next(address, length, flags);
}
