@rem In a script of npm's, exec lets the program take the shell's place. The shell of Windows has none, and runs this.
@%*
