/* Loaded before the C library: lets the n-th call that changes a file below a folder fail, or kill
 * the process there. Python arms it by ctypes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ONCE, FROM_THERE_ON, KILL };

static char folder[PATH_MAX];
static long left = -1, seen;
static int how, armed, fired;

void disk_arm(const char *path, long n, int mode) {
  snprintf(folder, sizeof folder, "%s", path);
  left = n, how = mode, seen = 0, fired = 0, armed = 1;
}

int disk_disarm(void) { return armed = 0, fired; }

long disk_seen(void) { return seen; }

static int is_below(const char *path) {
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0;
}

static int fails(void) {
  long n = seen++;
  if (left < 0 || n < left || (how == ONCE && n > left)) return 0;
  fired = 1;
  if (how == KILL) raise(SIGKILL);
  errno = ENOSPC;
  return 1;
}

static int fails_at_file(int file) {
  char link[64], path[PATH_MAX];
  if (!armed) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_below(path) && fails();
}

static int fails_at_path(const char *path) { return armed && is_below(path) && fails(); }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *data, size_t size) {
  return fails_at_file(file) ? -1 : REAL(write)(file, data, size);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
  return fails_at_file(file) ? -1 : REAL(writev)(file, parts, count);
}
ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
  return fails_at_file(file) ? -1 : REAL(pwrite)(file, data, size, at);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
  return fails_at_file(file) ? -1 : REAL(pwrite64)(file, data, size, at);
}
int fsync(int file) { return fails_at_file(file) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return fails_at_file(file) ? -1 : REAL(fdatasync)(file); }
int rename(const char *from, const char *to) {
  return fails_at_path(to) ? -1 : REAL(rename)(from, to);
}
int renameat(int d, const char *from, int e, const char *to) {
  return fails_at_path(to) ? -1 : REAL(renameat)(d, from, e, to);
}
int renameat2(int d, const char *from, int e, const char *to, unsigned flags) {
  return fails_at_path(to) ? -1 : REAL(renameat2)(d, from, e, to, flags);
}
