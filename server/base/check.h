// Broken invariants: they print and abort, in release builds too, because going on could spread the damage.
// Pure. ZK_COVERED marks rare branches so that a run can be required to have hit them.
#pragma once

#include <set>
#include <string>

namespace zk {

/// Prints the place and the words to stderr, then aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

/// Records that the branch `name` was taken in this process.
void mark_covered(const char* name);
/// All branch names taken so far.
std::set<std::string> covered_marks();

}  // namespace zk

#define ZK_ASSERT(expression) \
    ((expression) ? (void)0 : ::zk::assertion_failed(#expression, __FILE__, __LINE__))
#ifdef ZK_NO_COVERAGE_MARKS
#define ZK_COVERED(name) ((void)0)
#else
#define ZK_COVERED(name)                                                      \
    do {                                                                      \
        static const bool zk_covered_once = (::zk::mark_covered(name), true); \
        (void)zk_covered_once;                                                \
    } while (false)
#endif
