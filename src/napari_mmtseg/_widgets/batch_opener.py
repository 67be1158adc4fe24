class BatchOpener:
    def __init__(self,*a): pass
    def open(self,r): pass
