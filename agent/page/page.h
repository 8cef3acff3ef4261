// The agent's web page as files in the program: they lie beside this header and become part of it when the build is
// configured.
// Pure. The page is served as it is and asks /v1/ensemble each second: docs/PAGES.md.
#pragma once

#include <string_view>

namespace zk::agent_page {

struct File {
    std::string_view path;  ///< "/" is the page itself
    std::string_view type;  ///< Content-Type
    std::string_view content;
};

/// Null: there is no such file.
const File* find_file(std::string_view path);

}  // namespace zk::agent_page
