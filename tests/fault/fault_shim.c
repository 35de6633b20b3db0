/* An LD_PRELOAD library that makes the n-th call of a kind fail, come up short, or be the moment of a
 * signal. Only calls on files whose path begins with a given prefix count; every one of them is logged,
 * so that a test can sweep n over all of them.
 *
 *   VEGA_FAULT_PREFIX  path; calls on other files pass untouched. Without it the library does nothing.
 *   VEGA_FAULT_CALL    write | fsync | rename | truncate | create | flock | mkdir | unlink | any
 *   VEGA_FAULT_AT      n from 1; 0: every call of the kind. Unset: only the log
 *   VEGA_FAULT_ERRNO   number of the error that the call fails with (5 EIO, 28 ENOSPC, 122 EDQUOT)
 *   VEGA_FAULT_ON      1: from call n on every one fails, as on a disk that is full and stays so
 *   VEGA_FAULT_SHORT   1: the write takes half of its bytes (at least one) and says so
 *   VEGA_FAULT_SIGNAL  number of a signal raised right before the call (9: killed, 19: stopped)
 *   VEGA_FAULT_LOG     file: a line "KIND N PATH" a call, appended
 *
 * `create` is an open that may make a file. Linux and glibc only.
 *
 * A process that runs under it can plan faults for itself, one after the other: the functions vega_fault_*, which
 * dlsym(RTLD_DEFAULT, ...) finds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { kWrite, kFsync, kRename, kTruncate, kCreate, kFlock, kMkdir, kUnlink, kAny };
static const char* const kNames[] = {"write", "fsync", "rename", "truncate", "create",
                                     "flock", "mkdir", "unlink", "any"};

static struct {
  char prefix[PATH_MAX];
  size_t prefix_length;
  enum kind call;
  long at; /* -1: never */
  int error, short_write, from_there_on, signal, log;
  int no_disk; /* fsync is counted and may fail, but waits for no disk: no power goes in a test */
} plan;
static atomic_long counts[kAny + 1];
static char chosen[PATH_MAX]; /* of the last call that was chosen */

static long number(const char* name, long otherwise) {
  const char* text = getenv(name);
  return text && *text ? strtol(text, NULL, 10) : otherwise;
}

static enum kind kind_of(const char* name) {
  enum kind out = kWrite;
  while (out < kAny && strcmp(name, kNames[out]) != 0) ++out;
  return out;
}

/* Raw system calls here and below: the library must not count its own. */
__attribute__((constructor)) static void read_plan(void) {
  const char* text = getenv("VEGA_FAULT_PREFIX");
  plan.log = -1;
  if (!text || !*text || strlen(text) >= sizeof plan.prefix) return;
  plan.at = number("VEGA_FAULT_AT", -1);
  plan.error = (int)number("VEGA_FAULT_ERRNO", 0);
  plan.short_write = (int)number("VEGA_FAULT_SHORT", 0);
  plan.from_there_on = (int)number("VEGA_FAULT_ON", 0);
  plan.signal = (int)number("VEGA_FAULT_SIGNAL", 0);
  const char* call = getenv("VEGA_FAULT_CALL");
  plan.call = kind_of(call ? call : "any");
  const char* log = getenv("VEGA_FAULT_LOG");
  if (log) {
    plan.log = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                            0644);
  }
  strcpy(plan.prefix, text);
  plan.prefix_length = strlen(text);
}

/* Counts from 1 again. at -1: no fault, the calls are counted. From the first plan on no call waits for the disk. */
void vega_fault_plan(const char* prefix, const char* call, long at, int error, int on, int signal) {
  plan.at = -1;
  for (int i = 0; i <= kAny; ++i) atomic_store(&counts[i], 0);
  chosen[0] = 0;
  snprintf(plan.prefix, sizeof plan.prefix, "%s", prefix);
  plan.prefix_length = strlen(plan.prefix);
  plan.call = kind_of(call);
  plan.error = error;
  plan.short_write = 0;
  plan.no_disk = 1;
  plan.from_there_on = on;
  plan.signal = signal;
  plan.at = at;
}
long vega_fault_count(const char* call) { return atomic_load(&counts[kind_of(call)]); }
const char* vega_fault_path(void) { return chosen; }

static int ours(const char* path) {
  return plan.prefix_length > 0 && path && strncmp(path, plan.prefix, plan.prefix_length) == 0;
}

static int path_of(int descriptor, char* out, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, out, size - 1);
  if (n < 0) return 0;
  out[n] = 0;
  return 1;
}

/* Kills and stops at once. Other signals go to the thread of the process that waits for them; when this returns it has
 * taken this one. */
static void send_signal(int number) {
  sigset_t waiting;
  if (number == SIGKILL || number == SIGSTOP) {
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
    return;
  }
  kill(getpid(), number);
  do {
    usleep(20000);
    sigpending(&waiting);
  } while (sigismember(&waiting, number) == 1);
}

/* Counts a call on our files; 1 when it is the one that the plan is about. */
static int is_chosen(enum kind kind, const char* path) {
  const long mine = atomic_fetch_add(&counts[kind], 1) + 1;
  const long all = atomic_fetch_add(&counts[kAny], 1) + 1;
  if (plan.log >= 0) {
    char line[PATH_MAX + 64];
    const int n = snprintf(line, sizeof line, "%s %ld %s\n", kNames[kind], mine, path);
    syscall(SYS_write, plan.log, line, (size_t)n);
  }
  if (plan.at < 0 || (plan.call != kAny && plan.call != kind)) return 0;
  const long n = plan.call == kAny ? all : mine;
  const int is_it = plan.at == 0 || n == plan.at || (plan.from_there_on && n > plan.at);
  if (is_it) snprintf(chosen, sizeof chosen, "%s", path);
  if (is_it && plan.signal) send_signal(plan.signal);
  return is_it;
}

/* 1 and errno: the call shall fail. */
static int shall_fail(enum kind kind, const char* path) {
  if (!is_chosen(kind, path) || plan.error == 0) return 0;
  errno = plan.error;
  return 1;
}

static int path_shall_fail(enum kind kind, const char* path) {
  return ours(path) && shall_fail(kind, path);
}

static int descriptor_shall_fail(enum kind kind, int descriptor) {
  const int before = errno;
  char path[PATH_MAX];
  if (plan.prefix_length == 0 || !path_of(descriptor, path, sizeof path) || !ours(path)) {
    errno = before;
    return 0;
  }
  errno = before;
  return shall_fail(kind, path);
}

/* The bytes that a write may take; -1 and errno: none, it shall fail. */
static ssize_t granted(int descriptor, size_t size) {
  const int before = errno;
  char path[PATH_MAX];
  if (plan.prefix_length == 0 || !path_of(descriptor, path, sizeof path) || !ours(path)) {
    errno = before;
    return (ssize_t)size;
  }
  errno = before;
  if (!is_chosen(kWrite, path)) return (ssize_t)size;
  if (plan.error != 0) {
    errno = plan.error;
    return -1;
  }
  return plan.short_write && size > 1 ? (ssize_t)(size / 2) : (ssize_t)size;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void* data, size_t size) {
  const ssize_t n = granted(fd, size);
  return n < 0 ? -1 : NEXT(write)(fd, data, (size_t)n);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  const ssize_t n = granted(fd, size);
  return n < 0 ? -1 : NEXT(pwrite)(fd, data, (size_t)n, at);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  const ssize_t n = granted(fd, size);
  return n < 0 ? -1 : NEXT(pwrite64)(fd, data, (size_t)n, at);
}

/* A short one takes the first piece alone. */
ssize_t writev(int fd, const struct iovec* pieces, int count) {
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += pieces[i].iov_len;
  const ssize_t n = granted(fd, size);
  if (n < 0) return -1;
  return NEXT(writev)(fd, pieces, (size_t)n == size ? count : 1);
}

int fsync(int fd) {
  if (descriptor_shall_fail(kFsync, fd)) return -1;
  return plan.no_disk ? 0 : NEXT(fsync)(fd);
}
int fdatasync(int fd) {
  if (descriptor_shall_fail(kFsync, fd)) return -1;
  return plan.no_disk ? 0 : NEXT(fdatasync)(fd);
}
int flock(int fd, int how) { return descriptor_shall_fail(kFlock, fd) ? -1 : NEXT(flock)(fd, how); }

int ftruncate(int fd, off_t size) {
  return descriptor_shall_fail(kTruncate, fd) ? -1 : NEXT(ftruncate)(fd, size);
}
int ftruncate64(int fd, off64_t size) {
  return descriptor_shall_fail(kTruncate, fd) ? -1 : NEXT(ftruncate64)(fd, size);
}

int rename(const char* from, const char* to) {
  return path_shall_fail(kRename, to) ? -1 : NEXT(rename)(from, to);
}
int renameat(int a, const char* from, int b, const char* to) {
  return path_shall_fail(kRename, to) ? -1 : NEXT(renameat)(a, from, b, to);
}
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) {
  return path_shall_fail(kRename, to) ? -1 : NEXT(renameat2)(a, from, b, to, flags);
}
int link(const char* from, const char* to) {
  return path_shall_fail(kRename, to) ? -1 : NEXT(link)(from, to);
}

int mkdir(const char* path, mode_t mode) {
  return path_shall_fail(kMkdir, path) ? -1 : NEXT(mkdir)(path, mode);
}
int unlink(const char* path) { return path_shall_fail(kUnlink, path) ? -1 : NEXT(unlink)(path); }

#define MODE_OF(flags)                \
  mode_t mode = 0;                    \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list rest;                     \
    va_start(rest, flags);            \
    mode = va_arg(rest, mode_t);      \
    va_end(rest);                     \
  }                                   \
  if (((flags) & O_CREAT) && path_shall_fail(kCreate, path)) return -1

int open(const char* path, int flags, ...) {
  MODE_OF(flags);
  return NEXT(open)(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE_OF(flags);
  return NEXT(open64)(path, flags, mode);
}
int openat(int at, const char* path, int flags, ...) {
  MODE_OF(flags);
  return NEXT(openat)(at, path, flags, mode);
}
int openat64(int at, const char* path, int flags, ...) {
  MODE_OF(flags);
  return NEXT(openat64)(at, path, flags, mode);
}
int creat(const char* path, mode_t mode) {
  return path_shall_fail(kCreate, path) ? -1 : NEXT(creat)(path, mode);
}
