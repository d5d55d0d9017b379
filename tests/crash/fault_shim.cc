// A library to preload: makes one system call on files below a directory go wrong.
//
//   NX_FAULT_DIR   calls on files below it count, all others pass
//   NX_FAULT_KIND  kill | torn | short | enospc | eio
//   NX_FAULT_AT    number of the call, from 1; 0 only counts
//   NX_FAULT_CALLS how many calls from there on fail (enospc only)
//
//   kill    the process dies instead of making the call
//   torn    half of a write is made, any other call whole; then the process dies
//   short   half of a write is made and reported, any other call passes
//   enospc  calls that need space fail with ENOSPC
//   eio     the call fails with EIO
//
// Counting starts with nx_fault_arm(1). Calls: open that creates, write, writev, pwrite, fsync,
// fdatasync, ftruncate, fallocate, rename, link, unlink, unlinkat, rmdir, remove, mkdir.
//
// Thread safety: everything; the number of a call is taken atomically.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

namespace {

enum class Kind { kKill, kTorn, kShort, kNoSpace, kIoError };
enum class Call { kWrite, kSpace, kOther };  // kSpace: needs room but is no write
enum class Verdict { kPass, kHalf, kHalfThenDie, kDieAfter, kFail };

struct Settings {
  const char* dir = getenv("NX_FAULT_DIR");
  size_t dir_length = dir == nullptr ? 0 : strlen(dir);
  Kind kind = Kind::kKill;
  long at = 0;
  long calls = 1;
  Settings() {
    if (const char* s = getenv("NX_FAULT_AT")) at = atol(s);
    if (const char* s = getenv("NX_FAULT_CALLS")) calls = atol(s);
    if (const char* s = getenv("NX_FAULT_KIND")) {
      kind = strcmp(s, "torn") == 0     ? Kind::kTorn
             : strcmp(s, "short") == 0  ? Kind::kShort
             : strcmp(s, "enospc") == 0 ? Kind::kNoSpace
             : strcmp(s, "eio") == 0    ? Kind::kIoError
                                        : Kind::kKill;
    }
  }
};

const Settings& settings() {
  static const Settings instance;
  return instance;
}

std::atomic<bool> armed{false};
std::atomic<long> counted{0};
constexpr int kMaxFd = 1 << 16;
std::atomic<bool> watched[kMaxFd];

bool Below(const char* path) {
  const Settings& s = settings();
  return s.dir != nullptr && path != nullptr && strncmp(path, s.dir, s.dir_length) == 0;
}
bool Watched(int fd) { return fd >= 0 && fd < kMaxFd && watched[fd].load(); }

[[noreturn]] void Die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

Verdict Judge(bool ours, Call call) {
  if (!ours || !armed.load()) return Verdict::kPass;
  const long n = counted.fetch_add(1) + 1;
  const Settings& s = settings();
  if (s.at == 0 || n < s.at) return Verdict::kPass;
  switch (s.kind) {
    case Kind::kKill: Die();
    case Kind::kTorn: return call == Call::kWrite ? Verdict::kHalfThenDie : Verdict::kDieAfter;
    case Kind::kShort: return n == s.at && call == Call::kWrite ? Verdict::kHalf : Verdict::kPass;
    case Kind::kNoSpace:
      if (n >= s.at + s.calls || call == Call::kOther) return Verdict::kPass;
      errno = ENOSPC;
      return Verdict::kFail;
    case Kind::kIoError:
      if (n != s.at) return Verdict::kPass;
      errno = EIO;
      return Verdict::kFail;
  }
  return Verdict::kPass;
}

template <typename F>
F Real(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

// A call that either is made whole or fails.
template <typename F>
int Whole(bool ours, Call call, F make) {
  const Verdict verdict = Judge(ours, call);
  if (verdict == Verdict::kFail) return -1;
  const int result = make();
  if (verdict == Verdict::kDieAfter) Die();
  return result;
}

// A write of `size` bytes; make(n) writes the first n of them.
template <typename F>
ssize_t Writing(int fd, size_t size, F make) {
  const Verdict verdict = Judge(Watched(fd), Call::kWrite);
  if (verdict == Verdict::kFail) return -1;
  const bool half = (verdict == Verdict::kHalf || verdict == Verdict::kHalfThenDie) && size > 1;
  const ssize_t result = make(half ? size / 2 : size);
  if (verdict == Verdict::kHalfThenDie) Die();
  return result;
}

int Opened(int fd, bool ours) {
  if (fd >= 0 && fd < kMaxFd) watched[fd] = ours;
  return fd;
}

int OpenAt(int dirfd, const char* path, int flags, mode_t mode) {
  static const auto real = Real<int (*)(int, const char*, int, ...)>("openat64");
  const bool ours = Below(path);
  if ((flags & O_CREAT) == 0) return Opened(real(dirfd, path, flags, mode), ours);
  return Whole(ours, Call::kSpace, [&] { return Opened(real(dirfd, path, flags, mode), ours); });
}

mode_t ModeOf(int flags, va_list args) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

}  // namespace

extern "C" {

void nx_fault_arm(int on) { armed = on != 0; }
long nx_fault_count() { return counted.load(); }

#define NX_OPEN(name, ...)                 \
  va_list args;                            \
  va_start(args, flags);                   \
  const mode_t mode = ModeOf(flags, args); \
  va_end(args);                            \
  return OpenAt(__VA_ARGS__, path, flags, mode)
int open(const char* path, int flags, ...) { NX_OPEN(open, AT_FDCWD); }
int open64(const char* path, int flags, ...) { NX_OPEN(open64, AT_FDCWD); }
int openat(int dirfd, const char* path, int flags, ...) { NX_OPEN(openat, dirfd); }
int openat64(int dirfd, const char* path, int flags, ...) { NX_OPEN(openat64, dirfd); }

int close(int fd) {
  static const auto real = Real<int (*)(int)>("close");
  if (fd >= 0 && fd < kMaxFd) watched[fd] = false;
  return real(fd);
}

ssize_t write(int fd, const void* data, size_t size) {
  static const auto real = Real<ssize_t (*)(int, const void*, size_t)>("write");
  return Writing(fd, size, [&](size_t n) { return real(fd, data, n); });
}

ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto real = Real<ssize_t (*)(int, const iovec*, int)>("writev");
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  return Writing(fd, size, [&](size_t n) -> ssize_t {
    if (n == size) return real(fd, parts, count);
    ssize_t written = 0;
    for (int i = 0; i < count && n > 0; ++i) {
      iovec part = parts[i];
      if (part.iov_len > n) part.iov_len = n;
      const ssize_t result = real(fd, &part, 1);
      if (result < 0) return written > 0 ? written : result;
      written += result;
      n -= part.iov_len;
    }
    return written;
  });
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  static const auto real = Real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return Writing(fd, size, [&](size_t n) { return real(fd, data, n, offset); });
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  return pwrite64(fd, data, size, offset);
}

#define NX_WHOLE(ours, call, name, type, ...) \
  static const auto real = Real<type>(name);  \
  return Whole(ours, call, [&] { return real(__VA_ARGS__); })

int fsync(int fd) { NX_WHOLE(Watched(fd), Call::kOther, "fsync", int (*)(int), fd); }
int fdatasync(int fd) { NX_WHOLE(Watched(fd), Call::kOther, "fdatasync", int (*)(int), fd); }
int ftruncate64(int fd, off64_t size) {
  NX_WHOLE(Watched(fd), Call::kOther, "ftruncate64", int (*)(int, off64_t), fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  NX_WHOLE(Watched(fd), Call::kSpace, "fallocate64", int (*)(int, int, off64_t, off64_t), fd, mode,
           offset, size);
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
  return fallocate64(fd, mode, offset, size);
}
int rename(const char* from, const char* to) {
  NX_WHOLE(Below(to), Call::kSpace, "rename", int (*)(const char*, const char*), from, to);
}
int link(const char* from, const char* to) {
  NX_WHOLE(Below(to), Call::kSpace, "link", int (*)(const char*, const char*), from, to);
}
int unlink(const char* path) {
  NX_WHOLE(Below(path), Call::kOther, "unlink", int (*)(const char*), path);
}
int unlinkat(int dirfd, const char* path, int flags) {
  NX_WHOLE(Below(path) || Watched(dirfd), Call::kOther, "unlinkat", int (*)(int, const char*, int),
           dirfd, path, flags);
}
int rmdir(const char* path) {
  NX_WHOLE(Below(path), Call::kOther, "rmdir", int (*)(const char*), path);
}
int remove(const char* path) {
  NX_WHOLE(Below(path), Call::kOther, "remove", int (*)(const char*), path);
}
int mkdir(const char* path, mode_t mode) {
  NX_WHOLE(Below(path), Call::kSpace, "mkdir", int (*)(const char*, mode_t), path, mode);
}

}  // extern "C"
