// zkcli: a client of ZooKeeper for the command line, with the commands of Apache's zkCli.sh.
#include "zkcli/program.h"

int main(int argc, char** argv) { return zk::zkcli::run_program({argv + 1, argv + argc}); }
