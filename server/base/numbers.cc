#include "base/numbers.h"

namespace zk {

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

std::string mebibytes_needed(std::uint64_t bytes) {
    constexpr std::uint64_t kBelowOne = (std::uint64_t{1} << 20U) - 1;
    return mebibytes(bytes + kBelowOne);
}

}  // namespace zk
