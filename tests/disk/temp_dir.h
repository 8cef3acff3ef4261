// A directory for one test, removed afterwards, and shorthands for results.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/result.h"

namespace zk::disk {

class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "zk-disk-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

template <class T>
T value_of(Result<T> result) {
    if (!result.has_value()) {
        ADD_FAILURE() << result.error().message();
        std::abort();
    }
    return *std::move(result);
}
inline void expect_ok(const Result<>& result) {
    if (!result.has_value()) ADD_FAILURE() << result.error().message();
}

}  // namespace zk::disk
