/* Loaded before libc (LD_PRELOAD): once told to `watch`, lists the calls by which the process changes files under a
 * directory, with their data, and at a chosen call kills the process, tears the write, or fails.
 *
 * One counter for all threads, one call at a time: call N is the same moment whichever thread makes it, and the list is
 * the order in which the files changed. What is counted lies between the files `begin` and `end` that the program makes
 * in the directory `notes`, whose files are listed and never counted. Each entry is a line of tab-separated fields
 *     call  result  path  other path (rename) or "cut" (open)  offset  bytes
 * followed by that many bytes of data. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *root;
static size_t root_length;
static int counting, list = -1, tears, failure;
static long at, until, calls;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* libc's own function behind the one of this name. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* From here on the calls that change files under `directory` are listed in `file`; the fault comes at call number
 * `first`, `many` times. `what`: kill, torn, or a number, the errno to fail with. */
void watch(const char *directory, const char *file, long first, long many, const char *what) {
    list = NEXT(open)(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    at = first;
    until = first + many;
    tears = what[0] == 't';
    failure = atoi(what);
    root_length = strlen(directory);
    root = strdup(directory);
}

static int inside(const char *path) {
    return root && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

/* Whether `path` is a note of the program; two of them begin and end the counting. */
static int noted(const char *path) {
    const char *name = path + root_length;
    if (strncmp(name, "/notes/", 7)) return 0;
    if (!strcmp(name, "/notes/begin")) counting = 1;
    if (!strcmp(name, "/notes/end")) counting = 0;
    return 1;
}

/* The path behind a descriptor, and behind a name relative to one; empty when there is none. */
static const char *path_of(int fd, char *room) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, room, PATH_MAX - 1);
    room[length < 0 ? 0 : length] = 0;
    return room;
}

static const char *path_at(int directory, const char *name, char *room) {
    if (name[0] == '/' || directory == AT_FDCWD) return name;
    path_of(directory, room);
    strncat(room, "/", PATH_MAX - strlen(room) - 1);
    return strncat(room, name, PATH_MAX - strlen(room) - 1);
}

static off_t place(int fd) {
    struct stat file;
    if (fcntl(fd, F_GETFL) & O_APPEND) return fstat(fd, &file) ? 0 : file.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

static void enter(const char *call, const char *path, const char *other, off_t offset, const void *data, size_t bytes,
                  long result) {
    dprintf(list, "%s\t%ld\t%s\t%s\t%lld\t%zu\n", call, result, path, other, (long long)offset, bytes);
    if (bytes && NEXT(write)(list, data, bytes) < 0) abort();
}

/* Half of a write, which reaches the file: what a kill in the midst of a long one leaves. */
static long half_of(int fd, const void *data, size_t bytes, off_t offset, int positioned) {
    return positioned ? NEXT(pwrite64)(fd, data, bytes / 2, offset) : NEXT(write)(fd, data, bytes / 2);
}

/* Does `real`, watched when `path` is of interest; `half` is what happens where the fault tears it. */
#define WATCHED(call, path, other, offset, data, bytes, half, real)                                                    \
    if (!root) return real;                                                                                            \
    const char *its_path = path;                                                                                       \
    if (!inside(its_path)) return real;                                                                                \
    pthread_mutex_lock(&turn);                                                                                         \
    off_t its_offset = offset;                                                                                         \
    int due = !noted(its_path) && counting && ++calls >= at && calls < until;                                          \
    if (due && !failure) {                                                                                             \
        long done = tears ? half : -1;                                                                                 \
        enter(call, its_path, other, its_offset, data, done < 0 ? 0 : done, done);                                     \
        kill(getpid(), SIGKILL);                                                                                       \
        pause();                                                                                                       \
    }                                                                                                                  \
    long result = due ? -1 : real;                                                                                     \
    int error = due ? failure : errno;                                                                                 \
    enter(call, its_path, other, its_offset, data, bytes, result);                                                     \
    pthread_mutex_unlock(&turn);                                                                                       \
    errno = error;                                                                                                     \
    return result;
#define PLAIN(call, path, other, real) WATCHED(call, path, other, 0, "", 0, -1, real)

/* Opens: those that make or cut a file. */
static int opened(int directory, const char *name, int flags, mode_t mode) {
    char room[PATH_MAX];
    const char *path = path_at(directory, name, room);
    if (!(flags & (O_CREAT | O_TRUNC))) return NEXT(openat)(directory, name, flags, mode);
    PLAIN("open", path, flags & O_TRUNC ? "cut" : "", NEXT(openat)(directory, name, flags, mode))
}

#define OPEN(name, declared, directory)                                                                                \
    int name declared {                                                                                                \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;                                                      \
        va_end(more);                                                                                                  \
        return opened(directory, path, flags, mode);                                                                   \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN(openat, (int directory, const char *path, int flags, ...), directory)
OPEN(openat64, (int directory, const char *path, int flags, ...), directory)

/* Writes. */
ssize_t write(int fd, const void *data, size_t bytes) {
    char room[PATH_MAX];
    WATCHED("write", path_of(fd, room), "", place(fd), data, bytes, half_of(fd, data, bytes, 0, 0),
            NEXT(write)(fd, data, bytes))
}

#define PWRITE(name)                                                                                                   \
    ssize_t name(int fd, const void *data, size_t bytes, off_t offset) {                                               \
        char room[PATH_MAX];                                                                                           \
        WATCHED("pwrite64", path_of(fd, room), "", offset, data, bytes, half_of(fd, data, bytes, offset, 1),              \
                NEXT(pwrite64)(fd, data, bytes, offset))                                                               \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    char room[PATH_MAX];
    if (!root || !inside(path_of(fd, room))) return NEXT(writev)(fd, pieces, count);
    ssize_t written = 0; /* piece by piece: a program must bear with a short writev */
    for (int i = 0; i < count; i++) {
        ssize_t done = write(fd, pieces[i].iov_base, pieces[i].iov_len);
        if (done < 0) return written ? written : done;
        written += done;
    }
    return written;
}

#define TRUNCATE(name)                                                                                                 \
    int name(int fd, off_t size) {                                                                                     \
        char room[PATH_MAX];                                                                                           \
        WATCHED("ftruncate", path_of(fd, room), "", size, "", 0, -1, NEXT(ftruncate64)(fd, size))                 \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

/* Making durable. */
#define SYNC(name)                                                                                                     \
    int name(int fd) {                                                                                                 \
        char room[PATH_MAX];                                                                                           \
        PLAIN(#name, path_of(fd, room), "", NEXT(name)(fd))                                                            \
    }
SYNC(fsync)
SYNC(fdatasync)

/* Names. */
int mkdir(const char *path, mode_t mode) { PLAIN("mkdir", path, "", NEXT(mkdir)(path, mode)) }
int rmdir(const char *path) { PLAIN("rmdir", path, "", NEXT(rmdir)(path)) }
int unlink(const char *path) { PLAIN("unlink", path, "", NEXT(unlink)(path)) }
int rename(const char *path, const char *to) { PLAIN("rename", path, to, NEXT(rename)(path, to)) }
int link(const char *path, const char *to) { PLAIN("link", path, to, NEXT(link)(path, to)) }

int unlinkat(int directory, const char *name, int flags) {
    char room[PATH_MAX];
    PLAIN(flags & AT_REMOVEDIR ? "rmdir" : "unlink", path_at(directory, name, room), "",
          NEXT(unlinkat)(directory, name, flags))
}

int remove(const char *path) {
    struct stat file;
    return lstat(path, &file) || !S_ISDIR(file.st_mode) ? unlink(path) : rmdir(path);
}

/* The engine renames through syscall(2), which says whether the target may exist. */
long syscall(long number, ...) {
    va_list more;
    va_start(more, number);
    long a = va_arg(more, long), b = va_arg(more, long), c = va_arg(more, long), d = va_arg(more, long);
    long e = va_arg(more, long), f = va_arg(more, long);
    va_end(more);
    if (number != SYS_renameat2) return NEXT(syscall)(number, a, b, c, d, e, f);
    PLAIN("rename", (const char *)b, (const char *)d, NEXT(syscall)(number, a, b, c, d, e, f))
}

/* The engine is loaded with its own libc first in line; without that it finds the functions above. */
void *dlopen(const char *path, int flags) { return NEXT(dlopen)(path, flags & ~RTLD_DEEPBIND); }
