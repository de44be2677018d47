/* Preloaded into a process (and what it starts), this moves its calendar CLOCK_SHIFT seconds ahead: what the clock says
 * and what files carry, so that a file written now is no older than now. Durations stay as they are.
 *
 *     cc -shared -fPIC -O2 -o shifted_clock.so shifted_clock.c
 *     CLOCK_SHIFT=34560000 LD_PRELOAD=$PWD/shifted_clock.so python3 ...
 *
 * libfaketime 0.9.10, Debian's, does not serve: with its monotonic clock left alone Python's time.sleep fails with
 * EINVAL, with it shifted a lock waits for its timeout for 400 days (sem_clockwait is not covered), and neither shifts
 * what stat64 tells of files. Covered here is what CPython and uvloop call on glibc 2.33 and newer, on 64 bits. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

static time_t shift;

__attribute__((constructor)) static void read_shift(void) {
    const char *text = getenv("CLOCK_SHIFT");
    shift = text ? atoll(text) : 0;
}

/* The next definition of the function that we stand before; looked up at its first call. */
#define NEXT(result, name, ...)                                                                                       \
    static result (*next)(__VA_ARGS__);                                                                                \
    if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

int clock_gettime(clockid_t clock, struct timespec *now) {
    NEXT(int, "clock_gettime", clockid_t, struct timespec *);
    int failed = next(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    NEXT(int, "gettimeofday", struct timeval *, void *);
    int failed = next(now, zone);
    if (!failed) now->tv_sec += shift;
    return failed;
}

time_t time(time_t *now) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME_COARSE, &moment);
    if (now) *now = moment.tv_sec;
    return moment.tv_sec;
}

static int shown(int failed, struct stat64 *file) {
    if (!failed) {
        file->st_atim.tv_sec += shift;
        file->st_mtim.tv_sec += shift;
        file->st_ctim.tv_sec += shift;
    }
    return failed;
}

int stat64(const char *restrict path, struct stat64 *restrict file) {
    NEXT(int, "stat64", const char *, struct stat64 *);
    return shown(next(path, file), file);
}

int lstat64(const char *restrict path, struct stat64 *restrict file) {
    NEXT(int, "lstat64", const char *, struct stat64 *);
    return shown(next(path, file), file);
}

int fstat64(int descriptor, struct stat64 *file) {
    NEXT(int, "fstat64", int, struct stat64 *);
    return shown(next(descriptor, file), file);
}

int fstatat64(int folder, const char *restrict path, struct stat64 *restrict file, int flags) {
    NEXT(int, "fstatat64", int, const char *, struct stat64 *, int);
    return shown(next(folder, path, file, flags), file);
}

/* Moments that are to be written to a file, moved back; NULL stands for now. */
static const struct timespec *stored(const struct timespec times[2], struct timespec moved[2]) {
    if (!times) return NULL;
    for (int i = 0; i < 2; i++) {
        moved[i] = times[i];
        if (times[i].tv_nsec != UTIME_NOW && times[i].tv_nsec != UTIME_OMIT) moved[i].tv_sec -= shift;
    }
    return moved;
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    NEXT(int, "utimensat", int, const char *, const struct timespec *, int);
    struct timespec moved[2];
    return next(folder, path, stored(times, moved), flags);
}

int futimens(int descriptor, const struct timespec times[2]) {
    NEXT(int, "futimens", int, const struct timespec *);
    struct timespec moved[2];
    return next(descriptor, stored(times, moved));
}
