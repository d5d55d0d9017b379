#pragma once
// std::mutex with clang's thread-safety annotations. (absl::Mutex is several times slower here and
// hides races from ThreadSanitizer.)

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define NX_TSA(x) __attribute__((x))
#else
#define NX_TSA(x)
#endif

// Abseil's internal headers leak macros of these names.
#undef GUARDED_BY
#undef PT_GUARDED_BY
#undef NO_THREAD_SAFETY_ANALYSIS
#define GUARDED_BY(x) NX_TSA(guarded_by(x))
#define PT_GUARDED_BY(x) NX_TSA(pt_guarded_by(x))
#define REQUIRES(...) NX_TSA(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) NX_TSA(requires_shared_capability(__VA_ARGS__))
#define EXCLUDES(...) NX_TSA(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS NX_TSA(no_thread_safety_analysis)

namespace narthex {

class NX_TSA(capability("mutex")) Mutex {
 public:
  void lock() NX_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() NX_TSA(release_capability()) { mutex_.unlock(); }
  bool try_lock() NX_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Scoped lock that a CondVar can wait on.
class NX_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) NX_TSA(acquire_capability(mutex)) : lock_(mutex.mutex_) {}
  ~MutexLock() NX_TSA(release_capability()) {}
  void Unlock() NX_TSA(release_capability()) { lock_.unlock(); }
  void Lock() NX_TSA(acquire_capability()) { lock_.lock(); }

 private:
  friend class CondVar;
  std::unique_lock<std::mutex> lock_;
};

class CondVar {
 public:
  void Wait(MutexLock& lock) { cv_.wait(lock.lock_); }
  template <typename Predicate>
  void Wait(MutexLock& lock, Predicate ready) {
    cv_.wait(lock.lock_, ready);
  }
  // Returns false on time-out.
  template <typename Duration>
  bool WaitFor(MutexLock& lock, Duration timeout) {
    return cv_.wait_for(lock.lock_, timeout) == std::cv_status::no_timeout;
  }
  template <typename Duration, typename Predicate>
  bool WaitFor(MutexLock& lock, Duration timeout, Predicate ready) {
    return cv_.wait_for(lock.lock_, timeout, ready);
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

class NX_TSA(capability("shared_mutex")) SharedMutex {
 public:
  void lock() NX_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() NX_TSA(release_capability()) { mutex_.unlock(); }
  void lock_shared() NX_TSA(acquire_shared_capability()) { mutex_.lock_shared(); }
  void unlock_shared() NX_TSA(release_shared_capability()) { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class NX_TSA(scoped_lockable) ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) NX_TSA(acquire_shared_capability(mutex)) : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~ReaderLock() NX_TSA(release_capability()) { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class NX_TSA(scoped_lockable) WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) NX_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~WriterLock() NX_TSA(release_capability()) { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace narthex
