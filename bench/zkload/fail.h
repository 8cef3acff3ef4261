// The one way this program fails: words on stderr, exit code 1. A benchmark with a wrong answer has
// no result.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace zk::load {

[[noreturn]] inline void fail(const std::string& words) {
    std::fprintf(stderr, "zkload: %s\n", words.c_str());
    std::exit(1);
}

}  // namespace zk::load
