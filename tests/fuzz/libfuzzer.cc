// The door of clang's libFuzzer. The target is named by ZK_FUZZ_TARGET in the environment.
#include <cstdio>
#include <cstdlib>

#include "targets.h"

namespace {
const zk::fuzz::Target* chosen() {
    const char* const name = std::getenv("ZK_FUZZ_TARGET");
    const zk::fuzz::Target* const target = zk::fuzz::find_target(name == nullptr ? "" : name);
    if (target == nullptr) {
        std::fprintf(stderr, "ZK_FUZZ_TARGET names no target\n");
        std::exit(2);
    }
    return target;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static const zk::fuzz::Target* const kTarget = chosen();
    kTarget->run({reinterpret_cast<const char*>(data), size});
    return 0;
}
