// What a command has come to, before it is printed.
#pragma once

#include <string>

namespace zk::zkcli {

struct Outcome {
    int exit_code = 0;
    std::string out, err;         ///< as Apache's shell has them on its two streams
    std::string result = "null";  ///< the same for programs, as JSON
    std::string error;            ///< its name: "NONODE", "USAGE"; empty: there is none
    std::string error_path;

    void fail(std::string name, const std::string& words, std::string path = {}, int code = 1) {
        exit_code = code;
        err += words + "\n";
        error = std::move(name);
        error_path = std::move(path);
    }
};

}  // namespace zk::zkcli
