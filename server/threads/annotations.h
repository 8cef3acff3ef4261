// What a lock guards, in words that clang checks (-Wthread-safety, the preset `clang`); g++ reads over them.
//
//   int waiting_ ZK_GUARDED_BY(mutex_) = 0;            touched only while mutex_ is held
//   std::unique_ptr<T> p_ ZK_PT_GUARDED_BY(mutex_);    the same for what it points to
//   void take() ZK_REQUIRES(mutex_);                   the caller holds it
//   void post() ZK_EXCLUDES(mutex_);                   the caller does not: it is taken inside
//
// The others are for threads/mutex.h and net/tree_lock.h. Source: "Thread Safety Analysis" in clang's manual.
#pragma once

#ifdef __clang__
#define ZK_THREAD_ANNOTATION(...) __attribute__((__VA_ARGS__))
#else
#define ZK_THREAD_ANNOTATION(...)
#endif

#define ZK_GUARDED_BY(...) ZK_THREAD_ANNOTATION(guarded_by(__VA_ARGS__))
#define ZK_PT_GUARDED_BY(...) ZK_THREAD_ANNOTATION(pt_guarded_by(__VA_ARGS__))
#define ZK_REQUIRES(...) ZK_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ZK_EXCLUDES(...) ZK_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

#define ZK_CAPABILITY(...) ZK_THREAD_ANNOTATION(capability(__VA_ARGS__))
#define ZK_SCOPED_CAPABILITY ZK_THREAD_ANNOTATION(scoped_lockable)
#define ZK_ACQUIRE(...) ZK_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define ZK_RELEASE(...) ZK_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define ZK_TRY_ACQUIRE(...) ZK_THREAD_ANNOTATION(try_acquire_capability(__VA_ARGS__))
#define ZK_RETURN_CAPABILITY(...) ZK_THREAD_ANNOTATION(lock_returned(__VA_ARGS__))
#define ZK_ASSERT_CAPABILITY(...) ZK_THREAD_ANNOTATION(assert_capability(__VA_ARGS__))
#define ZK_NO_THREAD_SAFETY_ANALYSIS ZK_THREAD_ANNOTATION(no_thread_safety_analysis)
