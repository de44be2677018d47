/* Preloaded into a process, this makes the disk full: files get no blocks and take no writes, as long as there is a file
 * FULL_DISK_WHILE. What has its blocks can be written to through a mapping, as on a disk that is full.
 *
 *     cc -shared -fPIC -O2 -o full_disk.so full_disk.c
 *     FULL_DISK_WHILE=/tmp/full LD_PRELOAD=$PWD/full_disk.so mqbroker ... */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int full(int descriptor) {
    const char *file = getenv("FULL_DISK_WHILE");
    struct stat about;
    return file && !access(file, F_OK) && !fstat(descriptor, &about) && S_ISREG(about.st_mode);
}

/* The next definition of the function that we stand before; looked up at its first call. */
#define NEXT(result, name, ...)                                                                                       \
    static result (*next)(__VA_ARGS__);                                                                                \
    if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

int posix_fallocate(int descriptor, off_t start, off_t length) {
    NEXT(int, "posix_fallocate", int, off_t, off_t);
    return full(descriptor) ? ENOSPC : next(descriptor, start, length);
}

int posix_fallocate64(int descriptor, off_t start, off_t length) {
    NEXT(int, "posix_fallocate64", int, off_t, off_t);
    return full(descriptor) ? ENOSPC : next(descriptor, start, length);
}

static ssize_t refused(void) {
    errno = ENOSPC;
    return -1;
}

ssize_t write(int descriptor, const void *data, size_t size) {
    NEXT(ssize_t, "write", int, const void *, size_t);
    return full(descriptor) ? refused() : next(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t at) {
    NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return full(descriptor) ? refused() : next(descriptor, data, size, at);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off_t at) {
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    return full(descriptor) ? refused() : next(descriptor, data, size, at);
}
