#include "base/check.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace zk {
namespace {
std::mutex& marks_mutex() {
    static std::mutex mutex;
    return mutex;
}
std::set<std::string>& marks() {
    static std::set<std::string> set;
    return set;
}
}  // namespace

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "assertion failed: %s at %s:%d\n", expression, file, line);
    std::fflush(stderr);
    std::abort();
}

void mark_covered(const char* name) {
    const std::lock_guard lock(marks_mutex());
    marks().insert(name);
}

std::set<std::string> covered_marks() {
    const std::lock_guard lock(marks_mutex());
    return marks();
}

}  // namespace zk
